"""Compilation of a pattern's text to a search function.

The `regex` package runs it where it finds the same matches and captures as JavaScript. If it finds the same matches
but not the same captures, our own engine repeats the match for the captures; otherwise our own engine does the
search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import regex

from express.expressions.jsonata.patterns.analysis import calm_length, finds_captures, finds_places
from express.expressions.jsonata.patterns.backtracking import Backtracker, Spans
from express.expressions.jsonata.patterns.characters import spread
from express.expressions.jsonata.patterns.parser import parse
from express.expressions.jsonata.patterns.translation import translate
from express.expressions.timed_regex import TimedRegex

#: Searches UTF-16 code units (`characters.spread`) from a position on. Raises TimeoutError.
Search: TypeAlias = Callable[[str, int], Spans | None]


def compile_search(pattern: str, *, ignore_case: bool = False, multiline: bool = False) -> Search:
    """A function that finds the first match of a pattern. Raises PatternError for one that JavaScript rejects."""
    tree = parse(spread(pattern), ignore_case=ignore_case, multiline=multiline)
    if not finds_places(tree):
        return Backtracker(tree).search
    flags = regex.ASCII | (regex.IGNORECASE if ignore_case else 0)
    timed = TimedRegex(translate(tree, in_blocks=False), translate(tree, in_blocks=True), flags, calm_length(tree))
    backtracker = None if finds_captures(tree) else Backtracker(tree)

    def search(units: str, position: int) -> Spans | None:
        found = timed.search(units, position)
        if found is None:
            return None
        return found.regs if backtracker is None else backtracker.match(units, found.start())

    return search
