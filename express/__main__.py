"""`python -m express`: the command line where no `express` script is installed."""

from __future__ import annotations

from express.cli import console

console()
