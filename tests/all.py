"""`python -m tests.all`: everything a change must pass, in one command: lint, format, types, layers, tests.

The suite alone is `pytest`; its fast core, a minute long, is `pytest -m "not slow" -n auto`. Branch coverage is reported
at the end.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CHECKS = (
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy --strict", ["-m", "mypy"]),
    (
        "pytest",
        ["-m", "pytest", "--numprocesses=auto", "--cov=express", "--cov-branch", "--cov-report=term:skip-covered"],
    ),
)


def main() -> int:
    """Run every check, the later ones even when an earlier one failed. Exit status 1 when any failed."""
    failed = []
    for name, arguments in CHECKS:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode:
            failed.append(name)
    print(f"FAILED: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
