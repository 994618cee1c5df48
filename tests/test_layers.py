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
    return grimp.build_graph("express", include_external_packages=True)


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
    modules = {package, *graph.find_descendants(package)}
    offenders = [module for module in modules if "asyncio" in graph.find_modules_directly_imported_by(module)]
    assert not offenders


def test_modules_stay_within_their_budget() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "express").rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 700
    }
    assert not too_long
