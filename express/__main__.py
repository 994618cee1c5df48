"""`python -m express`: the command line where no `express` script is installed."""

from __future__ import annotations

import sys

from express.cli import main

sys.exit(main())
