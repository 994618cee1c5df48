"""Turns what a command line names into values: task modules, input documents, definitions and queries.

Every function raises with one line that says which argument is wrong and what would be right. The user's own code is
imported here too; if it fails, the line names the user's file and line, not ours.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import traceback
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING

from express.cli.options import MOCK_CONFIG
from express.cli.overwriting import STDIN_FILE, refuse_overwriting
from express.cli.status import FAILED, USAGE, CommandError
from express.cli.streams import STDIN, read_stdin, usable
from express.errors import DefinitionError, InvalidTasks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from express import Tasks, Workflow
    from express.cli.overwriting import File
    from express.tasks import MockedCase
    from express.tasks.mocks import MockFile
    from express.types import JSON, MachineType


def load_tasks(spec: str) -> Tasks:
    """Import `module:registry` with the working directory importable, and return its `express.Tasks` object.

    Its handlers cannot end the program (`Tasks.staying`). Raises InvalidTasks if there is no such module or
    attribute, the module raises, or the attribute is no Tasks.
    """
    from express import Tasks

    module_name, colon, attribute = spec.partition(":")
    if not colon or not module_name or not attribute:
        raise InvalidTasks(f"--tasks {spec}: write module:registry, for example handlers:tasks")
    module = _import_module(module_name)
    registry: object = module
    for name in attribute.split("."):
        try:
            registry = getattr(registry, name)
        except AttributeError:
            raise InvalidTasks(
                f"module {module_name} ({module.__file__}) has no {attribute}{_offer(module, Tasks)}"
            ) from None
        except Exception as error:
            raise InvalidTasks(f"looking up {spec} failed: {_last_line(error)} ({_origin(error)})") from error
    if not isinstance(registry, Tasks):
        raise InvalidTasks(f"{spec} is a {type(registry).__name__}, not an express.Tasks object{_offer(module, Tasks)}")
    return registry.staying()


def refuse_to_overwrite_inputs(arguments: argparse.Namespace, written: Iterable[tuple[str, File]]) -> None:
    """Raise CommandError if a file to be written is one of those the verb's arguments name to be read.

    written: options with their files. Call it when the module of `--tasks` is imported, and before anything is opened
    for writing.
    """
    names = vars(arguments)
    given, events = names.get("input"), names.get("events")
    tasks = sys.modules.get((arguments.tasks or "").partition(":")[0])
    read: dict[str, File] = {
        "the input": given and (STDIN_FILE if given == STDIN else input_path(given)),
        "the events": STDIN_FILE if events == STDIN else events,
        "the definition": STDIN_FILE if arguments.definition == STDIN else arguments.definition,
        "the module of --tasks": getattr(tasks, "__file__", None),
        "the mock configuration": names.get("mock_config") or os.environ.get(MOCK_CONFIG),
    }
    refuse_overwriting(written, read)


def load_mocks(path: str | None) -> MockFile | None:
    """Load the mock configuration of `--mock-config` or else of the environment, if one is named.

    Raises CommandError for a file that cannot be read, InvalidMocks for one that is wrong.
    """
    from express.tasks.mocks import MockFile

    path = path or os.environ.get(MOCK_CONFIG)
    if not path:
        return None
    with usable("read", path):
        return MockFile(path)


def _offer(module: ModuleType, wanted: type) -> str:
    """Name the registries the module does have."""
    found = sorted(name for name, value in vars(module).items() if isinstance(value, wanted))
    return f"; it has {', '.join(f'{module.__name__}:{name}' for name in found)}" if found else ""


def _import_module(name: str) -> ModuleType:
    directory = os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    if os.sep in name or name.startswith(".") or name.endswith(".py"):
        raise InvalidTasks(f"no module is named {name}{_module_advice(name, directory)}")
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise InvalidTasks(f"no module named {name} (looked in {directory} and the installed packages)") from error
        raise InvalidTasks(f"importing {name} failed: {_last_line(error)} ({_origin(error)})") from error


def _module_advice(name: str, directory: str) -> str:
    """Say how to name the module of a file: the directory to run in, and the name from there."""
    path = Path(os.path.normpath(Path(directory, name.removesuffix(".py"))))
    if path.is_relative_to(directory):
        return f"; name the module, not its file: {'.'.join(path.relative_to(directory).parts)}"
    return f"; name the module, not its file: run it in {path.parent}, or with that in PYTHONPATH, as {path.name}"


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def _origin(error: BaseException) -> str:
    """The file and line of the user's code where an import failed: the innermost frame outside Python and express."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    ours = (sysconfig.get_path("stdlib"), "<frozen ", str(Path(__file__).parents[1]) + os.sep)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(ours)]
    return f"{theirs[-1].filename}:{theirs[-1].lineno}" if theirs else "no source"


def read_input(argument: str) -> JSON:
    """Read `--input`: a file, `file://...` as the aws CLI writes it, `-` for stdin, or the JSON itself.

    Text that starts like an object, an array or a string is JSON; any other text is a file if one of that name
    exists.
    """
    import orjson

    from express.parsing import parse_json

    source, data = input_bytes(argument)
    try:
        return parse_json(data)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"{source} is not valid JSON: {error}") from error


def input_bytes(argument: str) -> tuple[str, bytes]:
    """Return a description of the source of `--input`, for messages, and its bytes, not parsed."""
    if argument == STDIN:
        return "the input on stdin", read_stdin().removeprefix(BOM_UTF8)
    path = input_path(argument)
    if path is None:
        return f"--input {_shorten(argument)} is no file and", argument.encode(errors="surrogateescape")
    with usable("read", path):
        # Some editors put a byte order mark in front.
        return path, Path(path).read_bytes().removeprefix(BOM_UTF8)


def input_path(argument: str) -> str | None:
    """Return the file `--input` names, or None if it is the JSON itself or stdin."""
    if argument.startswith("file://"):
        return argument.removeprefix("file://")
    if argument != STDIN and argument.lstrip()[:1] not in ("{", "[", '"') and _is_path(argument):
        return argument
    return None


def _is_path(text: str) -> bool:
    try:
        return os.path.lexists(text)
    except ValueError:  # an embedded null character
        return False


def _shorten(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def load_case(path: str | None, name: str, machine: str | None, definition: str) -> MockedCase:
    """Load the test case of `--test-case`; the machine is named after its definition's file by default."""
    file = load_mocks(path)
    if file is None:
        raise CommandError(f"--test-case {name}: there is no mock configuration", hint="name one with --mock-config")
    if machine is None and definition == STDIN:
        raise CommandError(
            f"--test-case {name}: a definition on stdin has no name", hint="give it one with --machine-name"
        )
    return file.current().case(machine or Path(definition).name.split(".")[0], name)


def compile_workflow(
    definition: str,
    tasks_spec: str | None,
    *,
    machine_type: MachineType = "EXPRESS",
    stdin: bytes | None = None,
    mocks: MockedCase | None = None,
) -> Workflow:
    """Compile a command's definition; raise CommandError that shows every problem at its place in the text.

    stdin: the content of standard input, if it has been read already. mocks: the test case to run.
    """
    import express

    tasks = load_tasks(tasks_spec) if tasks_spec else express.Tasks()
    source: Path | bytes = Path(definition)
    if definition == STDIN:
        source = read_stdin() if stdin is None else stdin
    try:
        return express.compile(source, tasks, type=machine_type, mocks=mocks)
    except DefinitionError as error:
        raise _definition_trouble(error, definition, have_tasks=bool(tasks_spec)) from error


def _definition_trouble(error: DefinitionError, definition: str, *, have_tasks: bool) -> CommandError:
    from express.cli.terminal import wants_color
    from express.definition.problems import INVALID_RESOURCE, MISSING_DESCRIPTION
    from express.definition.render import render_text

    source_name = "stdin" if definition == STDIN else definition
    text = render_text(error.problems, source_name=source_name, color=wants_color(sys.stderr))
    codes = {problem.code for problem in error.problems}
    hint = None
    if not have_tasks and INVALID_RESOURCE in codes:
        hint = "the handlers of a workflow's resources come from --tasks MODULE:REGISTRY, an express.Tasks object"
    status = USAGE if MISSING_DESCRIPTION in codes else FAILED
    return CommandError(f"{source_name} cannot be run\n\n{text.rstrip()}\n", status=status, hint=hint)


def check_execution_name(name: str) -> None:
    """Raise CommandError, before anything runs, for a name AWS would refuse."""
    from express.names import check_name

    try:
        check_name(name)
    except ValueError as error:
        raise CommandError(f"--name: {error}") from error


def compile_query(expression: str) -> Callable[[JSON], JSON]:
    """Compile the JMESPath expression of `--query`; the returned function raises CommandError if it fails.

    The parser and the search both call themselves for each level of the expression.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        search = jmespath.compile(expression).search
    except JMESPathError as error:
        raise CommandError(f"--query is not valid JMESPath: {error}") from error
    except RecursionError as error:
        raise CommandError("--query is nested too deeply") from error

    def query(document: JSON) -> JSON:
        try:
            return search(document)
        except JMESPathError as error:
            raise CommandError(f"--query failed: {error}") from error
        except RecursionError as error:
            raise CommandError("--query is nested too deeply") from error

    return query
