"""Random expressions, evaluated here and by jsonata-js 2.0.6: both must say the same.

The reference is the npm package `jsonata@2.0.6`, run by node. It is looked for in the directory that JSONATA_JS names,
in NODE_PATH, and where npm has its modules; without it these tests are skipped. JSONATA_EXPRESSIONS sets how many
expressions are tried, JSONATA_SEED which.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from express import jsonata
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.syntax import ArrayConstructor, Node, ObjectConstructor
from express.expressions.jsonata.traversal import children
from tests.expressions.jsonata.expressions import bindings, expressions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON

VERSION = "2.0.6"
#: What reference.js gives for an error without a code: one of JavaScript.
CRASH = "none"
#: The error of a number that is not finite, and what such numbers come from.
INFINITE = "D1001"
ENDLESS = ("/", "%", "$power", "$round")
COUNT = int(os.environ.get("JSONATA_EXPRESSIONS", "400"))
SEED = int(os.environ.get("JSONATA_SEED", "1"))


def packages() -> Iterator[Path]:
    """Where the package may be."""
    for name in ("JSONATA_JS", "NODE_PATH"):
        for directory in filter(None, os.environ.get(name, "").split(os.pathsep)):
            yield Path(directory)
            yield Path(directory) / "jsonata"
    for options in ((), ("-g",)):
        npm = shutil.which("npm")
        if npm is not None:
            done = subprocess.run([npm, "root", *options], capture_output=True, text=True, check=False)
            yield Path(done.stdout.strip()) / "jsonata"


@cache
def reference() -> tuple[str, Path]:
    """The node interpreter and the package."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run jsonata-js with")
    for package in packages():
        manifest = package / "package.json"
        if manifest.is_file():
            content = json.loads(manifest.read_text(encoding="utf-8"))
            if (content.get("name"), content.get("version")) == ("jsonata", VERSION):
                return node, package
    pytest.skip(f"no npm package jsonata@{VERSION}; JSONATA_JS can name its directory")


def outcomes_there(texts: list[str]) -> list[dict[str, Any]]:
    node, package = reference()
    script = Path(__file__).with_name("reference.js")
    request = json.dumps({"bindings": bindings(), "expressions": texts})
    done = subprocess.run([node, script, package], input=request, capture_output=True, text=True, check=True)
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    return outcomes


def outcome_here(text: str) -> dict[str, Any]:
    try:
        value = jsonata.compile(text)(jsonata.UNDEFINED, bindings())
    except jsonata.JSONataError as error:
        return {"code": error.code}
    if isinstance(value, jsonata.Function):
        return {"function": True}
    return {"undefined": True} if value is jsonata.UNDEFINED else {"value": value}


def as_text(outcome: dict[str, Any]) -> str:
    """Comparable: numbers by value, keys in their order, errors by their code."""
    return json.dumps({key: by_value(member) for key, member in outcome.items() if key not in ("position", "message")})


def by_value(value: JSON) -> JSON:
    if isinstance(value, list):
        # jsonata-js puts nothing into arrays it finds empty when it makes an object of them, the caller's included.
        return [] if value == [None] else [by_value(item) for item in value]
    if isinstance(value, dict):
        return {key: by_value(member) for key, member in value.items()}
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def races(text: str) -> bool:
    """Whether jsonata-js evaluates parts of the expression side by side: which of several errors comes first is
    then left to its scheduler."""
    try:
        tree = parse(text)
    except JSONataError:
        return False
    pending: list[Node] = [tree]
    while pending:
        node = pending.pop()
        group = node.group.pairs if node.group is not None else ()
        if isinstance(node, ArrayConstructor | ObjectConstructor) or group:
            return True
        pending.extend(children(node))
    return False


def agree(text: str, here: dict[str, Any], there: dict[str, Any]) -> bool:
    """Whether the outcomes are the same. Where jsonata-js itself fails over an expression, any will do.

    These differences are known:

    - A number that is not finite is an error here (D1001) unless an operator takes it up at once, there only where one
      calculates on with it.
    - `$round` rounds a precision with a fraction down, as the AWS guide says; there it gives NaN.
    - A call at the end of a lambda that a built-in calls has null for its context there (T0411).
    - A `%` that asks for more parents than its lambda has steps: there the path ends as the stream of bindings it works
      on, which shows as [] when it is empty, and is nothing here.
    """
    if there.get("code") == CRASH or ("code" in here and "code" in there and races(text)):
        return True
    if here.get("code") == INFINITE and any(operator in text for operator in ENDLESS):
        return True
    if "$round" in text and "NaN" in as_text(there):
        return True
    if "function" in text and there.get("code") == "T0411":
        return True
    if "%" in text and "function" in text and there.get("value") == [] and here.get("undefined"):
        return True
    return as_text(here) == as_text(there)


def test_random_expressions() -> None:
    texts = expressions(SEED, COUNT)
    differences = [
        f"{text}\n    here:  {as_text(here)}\n    there: {as_text(there)}"
        for text, there in zip(texts, outcomes_there(texts), strict=True)
        if not agree(text, here := outcome_here(text), there)
    ]
    assert not differences, f"{len(differences)} of {len(texts)} differ:\n" + "\n".join(differences[:20])
