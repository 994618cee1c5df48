"""How long to look for trouble: a few seconds and the same examples each time, or as long as one likes.

    EXPRESS_FUZZ_EXAMPLES=20000 pytest tests/api -k fuzz

takes so many examples for each test, other ones each time; those that fail are kept by hypothesis and tried first.
"""

from __future__ import annotations

import os

from hypothesis import settings

_WANTED = int(os.environ.get("EXPRESS_FUZZ_EXAMPLES", "0"))


def thorough(usual: int) -> settings:
    """Settings for a test that takes `usual` examples in the suite."""
    return settings(deadline=None, derandomize=not _WANTED, max_examples=_WANTED or usual)
