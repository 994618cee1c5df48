"""JSONata's regular expressions (JSONata docs, "Using Regular Expressions"): those of JavaScript, and functions.

`/ab+/i` is a function from a text to its first match, an object `{match, start, end, groups, next}` in which `next`
is a function that returns the following match, or nothing if there is none. `$match`, `$contains`, `$replace` and
`$split` take any such function; for a `Regex` they skip these objects and read `matches`.

JavaScript defines the matches and the code units they cover: `start` and `end` count UTF-16 code units, and `.`
matches half of an emoji. One thing differs: in jsonata-js all matches of a regular expression share the position
where the next search begins, so that a new call disturbs `next` of an earlier match; here a match continues from its
own end.

An invalid pattern is a JSONataError with the code S0303, which jsonata-js does not have: there V8's SyntaxError is
passed on without a code. The message is V8's.
"""

from __future__ import annotations

from time import thread_time
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import TIMEOUT, JSONataError
from express.expressions.jsonata.evaluation import Evaluation, Limits
from express.expressions.jsonata.numerals import number_text
from express.expressions.jsonata.patterns.characters import join, spread
from express.expressions.jsonata.patterns.engine import Search, compile_search
from express.expressions.jsonata.patterns.parser import PatternError
from express.expressions.jsonata.values import UNDEFINED, Function, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.expressions.jsonata.patterns.backtracking import Spans


class Match:
    """A match in a text: its text, its position in UTF-16 code units, and its captures.

    A group that captured nothing is UNDEFINED.
    """

    __slots__ = ("_previous", "_spans", "_units", "end", "start")

    def __init__(self, units: str, previous: int, spans: Spans) -> None:
        self.start, self.end = spans[0]
        self._spans = spans
        self._units = units
        self._previous = previous

    @property
    def match(self) -> str:
        return join(self._units[self.start : self.end])

    @property
    def groups(self) -> list[Value]:
        return [UNDEFINED if start < 0 else join(self._units[start:end]) for start, end in self._spans[1:]]

    @property
    def before(self) -> str:
        """The text between the previous match, or the start, and this one."""
        return join(self._units[self._previous : self.start])

    @property
    def after(self) -> str:
        """All the text after this match."""
        return join(self._units[self.end :])


class Regex(Function):
    """A regular expression as a function of a text and, as in jsonata-js, the start position of the search."""

    __slots__ = ("_evaluation", "_search", "pattern", "position")

    def __init__(self, pattern: str, position: int, search: Search, evaluation: Evaluation | None = None) -> None:
        super().__init__(self._match_first, 2)
        self.pattern = pattern
        self.position = position
        self._search = search
        self._evaluation = evaluation

    def within(self, evaluation: Evaluation) -> Regex:
        """The same function with its calls charged to `evaluation`; otherwise each call has a budget of its own."""
        return Regex(self.pattern, self.position, self._search, evaluation)

    def matches(self, text: str, evaluation: Evaluation) -> Iterator[Match]:
        """All matches from left to right, each searched for on demand.

        Raises D1004 for an empty match after the first, and U1001 when the evaluation has used up its budget or a
        search takes too long.
        """
        units = spread(text)
        evaluation.spend(len(units) >> 4)
        match = self._find(units, 0, evaluation)
        while match is not None:
            yield match
            match = self._find_next(units, match, evaluation)

    def _find(self, units: str, position: int, evaluation: Evaluation) -> Match | None:
        started = thread_time()
        try:
            spans = self._search(units, position)
        except TimeoutError:
            raise JSONataError(TIMEOUT) from None
        evaluation.searched(thread_time() - started)
        if spans is None:
            evaluation.spend(_MATCH_COST)
            return None
        # The captures can be longer than the match, because of lookaheads.
        evaluation.spend(_MATCH_COST + (sum([end - start for start, end in spans]) >> 4))
        return Match(units, position, spans)

    def _find_next(self, units: str, last: Match, evaluation: Evaluation) -> Match | None:
        if last.end >= len(units):
            return None
        match = self._find(units, last.end, evaluation)
        if match is not None and match.start == match.end:
            raise JSONataError("D1004", self.position, value=self.pattern)
        return match

    def _match_first(self, subject: Value = UNDEFINED, place: Value = 0, *_: Value) -> Value:
        evaluation = self._evaluation or Evaluation(Limits())
        units = spread(_text(subject, evaluation))
        evaluation.spend(len(units) >> 4)
        position = max(int(place), 0) if type(place) in (int, float) else 0
        match = self._find(units, position, evaluation) if position <= len(units) else None
        return self._matcher(units, match, evaluation)

    def _matcher(self, units: str, match: Match | None, evaluation: Evaluation) -> Value:
        """A match as the object of the matcher protocol."""
        if match is None:
            return UNDEFINED

        def next_match(*_: Value) -> Value:
            return self._matcher(units, self._find_next(units, match, evaluation), evaluation)

        return {
            "match": match.match,
            "start": match.start,
            "end": match.end,
            "groups": match.groups,
            "next": Function(next_match, 0),
        }


def compile_regex(pattern: str, flags: str, position: int) -> Regex:
    """The function of `/pattern/flags`; flags are `i` and `m`, `position` is that of its token.

    Raises JSONataError S0303 for a pattern that JavaScript rejects.
    """
    ignore_case, multiline = "i" in flags, "m" in flags
    try:
        search = compile_search(pattern, ignore_case=ignore_case, multiline=multiline)
    except PatternError as error:
        flags = f"g{'i' * ignore_case}{'m' * multiline}"
        raise JSONataError("S0303", position, value=pattern, flags=flags, reason=str(error)) from None
    return Regex(pattern, position, search)


def _text(value: Value, evaluation: Evaluation) -> str:
    """JavaScript's conversion of a value to a string."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(value)
        case None:
            return "null"
        case Undefined():
            return "undefined"
        case list():
            evaluation.spend(len(value))
            return ",".join("" if item in _NOTHING else _text(item, evaluation) for item in value)
    return "[object Object]"


#: Steps of an easy search, whether it finds a match or not.
_MATCH_COST: Final = 35
_NOTHING: Final[tuple[Any, ...]] = (None, UNDEFINED)
