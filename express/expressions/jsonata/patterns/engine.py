"""The way from the text of a pattern to something that searches: the `regex` package if it agrees with JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import regex

from express.expressions.jsonata.patterns.analysis import agrees, calm_length
from express.expressions.jsonata.patterns.backtracking import Backtracker, Spans
from express.expressions.jsonata.patterns.characters import spread
from express.expressions.jsonata.patterns.parser import parse
from express.expressions.jsonata.patterns.translation import translate
from express.expressions.timed_regex import TimedRegex

#: Searches UTF-16 code units (`characters.spread`) from a place on. Raises TimeoutError.
Search: TypeAlias = Callable[[str, int], Spans | None]


def compile_search(pattern: str, *, ignore_case: bool = False, multiline: bool = False) -> Search:
    """What finds the first match of a pattern. Raises PatternError for one that JavaScript would not take."""
    tree = parse(spread(pattern), ignore_case=ignore_case, multiline=multiline)
    if not agrees(tree):
        return Backtracker(tree).search
    timed = TimedRegex(translate(tree, in_blocks=False), translate(tree, in_blocks=True), regex.ASCII, calm_length(tree))

    def search(units: str, position: int) -> Spans | None:
        found = timed.search(units, position)
        return None if found is None else found.regs

    return search
