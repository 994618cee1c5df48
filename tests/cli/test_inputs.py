"""Arguments that cannot be used: each gives one line that names the argument and what is wrong with it."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

import express
from express.cli.inputs import compile_query, load_tasks, read_input
from express.cli.status import CommandError
from express.errors import InvalidTasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = """\
import express
registry = express.Tasks()
number = 7
class Space:
    inner = registry
class Odd:
    @property
    def tasks(self): return 1 / 0
odd = Odd()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory; modules imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("spec", ["good_a:registry", "good_a:Space.inner"])
def test_tasks_are_found_in_the_working_directory(here: Path, spec: str) -> None:
    (here / "good_a.py").write_text(GOOD)
    assert isinstance(load_tasks(spec), express.Tasks)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("good_b", "--tasks good_b: write module:registry, for example handlers:tasks"),
        ("good_b:", "--tasks good_b:: write module:registry, for example handlers:tasks"),
        ("nowhere_b:tasks", "no module named nowhere_b (looked in {here} and the installed packages)"),
        ("good_b.sub:tasks", "no module named good_b.sub (looked in {here} and the installed packages)"),
        ("good_b.py:registry", "no module is named good_b.py; name the module, not its file: good_b"),
        ("./good_b:registry", "no module is named ./good_b; name the module, not its file: good_b"),
        ("sub/good_b.py:registry", "no module is named sub/good_b.py; name the module, not its file: sub.good_b"),
        (
            "/some/good_b.py:registry",
            (
                "no module is named /some/good_b.py; name the module, not its file: run it in /some, or with that in "
                "PYTHONPATH, as good_b"
            ),
        ),
        ("good_b:odd.tasks", "looking up good_b:odd.tasks failed: ZeroDivisionError: division by zero ({file}:8)"),
        ("good_b:nope", "module good_b ({here}/good_b.py) has no nope; it has good_b:registry"),
        ("good_b:Space.nope", "module good_b ({here}/good_b.py) has no Space.nope; it has good_b:registry"),
        ("good_b:number", "good_b:number is a int, not an express.Tasks object; it has good_b:registry"),
        ("raises_b:tasks", "{failed}: KeyError: 'missing' ({file}:3)"),
        ("syntax_b:tasks", "{failed}: SyntaxError: '(' was never closed ({file}:2)"),
        ("needs_b:tasks", "{failed}: ModuleNotFoundError: No module named 'absent' ({file}:1)"),
        ("exits_b:tasks", "{failed}: SystemExit: 3 ({file}:2)"),
        ("leaves_b:tasks", "{failed}: GeneratorExit ({file}:1)"),
        ("twice_b:tasks", "{failed}: express.errors.InvalidTasks: a handler for 'a' is registered already ({file}:4)"),
        ("library_b:tasks", "{failed}: statistics.StatisticsError: mean requires at least one data point ({file}:2)"),
    ],
)
def test_tasks_that_cannot_be_used(here: Path, spec: str, message: str) -> None:
    for name, text in {
        "good_b": GOOD,
        "raises_b": "def f():\n    # in a function\n    return {}['missing']\nf()\n",
        "syntax_b": "a = 1\nf(\n",
        "needs_b": "import absent\n",
        "exits_b": "import sys\nsys.exit(3)\n",
        "leaves_b": "raise GeneratorExit\n",
        "twice_b": "import express\ntasks = express.Tasks()\ntasks.add('a', print)\ntasks.add('a', print)\n",
        "library_b": "import statistics\nstatistics.mean([])\n",
    }.items():
        (here / f"{name}.py").write_text(text)
    module = spec.partition(":")[0]
    with pytest.raises(InvalidTasks) as caught:
        load_tasks(spec)
    wanted = message.format(here=here, file=here / f"{module}.py", failed=f"importing {module} failed")
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (" [1]", [1]),
        ("7", 7),
        ("true", True),
        ("input.json", {"from": "file"}),
        ("file://input.json", {"from": "file"}),
        ("-", {"from": "stdin"}),
    ],
)
def test_input(here: Path, monkeypatch: pytest.MonkeyPatch, argument: str, value: object) -> None:
    (here / "input.json").write_text('{"from": "file"}')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"from": "stdin"}')))
    assert read_input(argument) == value


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("absent.json", "--input absent.json is no file and is not valid JSON: "),
        ("{'a': 1}", "--input {'a': 1} is no file and is not valid JSON: "),
        ("file://absent.json", "cannot read absent.json: No such file or directory"),
        (".", "cannot read .: Is a directory"),
        ("broken.json", "broken.json is not valid JSON: "),
        ("\0", "--input \0 is no file and is not valid JSON: "),
        ("x" * 5_000, f"--input {'x' * 57}... is no file and is not valid JSON: "),
        ("-", "the input on stdin is not valid JSON: "),
    ],
)
def test_input_that_cannot_be_used(here: Path, monkeypatch: pytest.MonkeyPatch, argument: str, message: str) -> None:
    (here / "broken.json").write_text('{"a": 1')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(CommandError) as caught:
        read_input(argument)
    assert caught.value.message.startswith(message)
    assert caught.value.status == 2


def test_query() -> None:
    assert compile_query("output.items[?qty > `1`].sku")({"output": {"items": [{"sku": "a", "qty": 2}]}}) == ["a"]
    with pytest.raises(CommandError, match="--query is not valid JMESPath: "):
        compile_query("a..b")
    with pytest.raises(CommandError, match=r"--query failed: .*length"):
        compile_query("length(n)")({"n": 1})
