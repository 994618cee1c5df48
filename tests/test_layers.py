"""The walls of the house: which layer may import which, checked by import-linter on the real import graph."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Packages that decide everything at compile time and must work without an event loop.
LOOPLESS = ("express.definition", "express.expressions", "express.states", "express.compiler", "express.program")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("express", include_external_packages=True, exclude_type_checking_imports=True)


def test_contracts_of_the_layers_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", LOOPLESS)
def test_nothing_that_compiles_reaches_asyncio(graph: grimp.ImportGraph, package: str) -> None:
    """Not even by way of another module; what only type checkers import does not count."""
    modules = {package, *graph.find_descendants(package)}
    chains = [graph.find_shortest_chain(module, "asyncio") for module in modules]
    assert not [chain for chain in chains if chain is not None]


def test_modules_stay_within_their_budget() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "express").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 700
    }
    assert not too_long
