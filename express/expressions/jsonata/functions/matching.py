"""String functions that take a pattern: `$contains`, `$match`, `$replace` and `$split` (JSONata docs).

A pattern is a string or a matcher: a function of the string that returns nothing or an object with the first match,
in which `next` is a function that returns the following one (JSONata docs, "Regular expressions"). A regular
expression is a matcher, and any function of this shape may replace it. As in jsonata-js, one match beyond the last
one needed is searched for; that search can fail.

An undefined pattern, on which jsonata-js fails without a code, is T0410 here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.patterns.characters import join as join_units
from express.expressions.jsonata.patterns.characters import spread as split_into_units
from express.expressions.jsonata.regexes import Match, Regex
from express.expressions.jsonata.stringify import scalar_text
from express.expressions.jsonata.values import UNDEFINED, Function, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.expressions.jsonata.evaluation import Evaluation

#: `parseInt` of the text after a `$`.
_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]+)")
#: JavaScript takes the limit of `split` modulo 2^32.
_UINT32: Final = 2**32 - 1
#: Steps for a match as an object, and for the text around one.
_MATCH_COST: Final = 20
_PART_COST: Final = 6


@dataclass(frozen=True, slots=True)
class ReportedMatch:
    """A match reported by a matcher, in `source`; its interface is that of `Match`.

    `units` is the text in UTF-16 code units, which `start` and `end` count; `previous` is the end of the match
    before.
    """

    source: dict[str, Value]
    units: str
    previous: int
    match: str
    start: int
    end: int
    groups: list[Value]

    @property
    def before(self) -> str:
        return join_units(self.units[self.previous : self.start])

    @property
    def after(self) -> str:
        return join_units(self.units[self.end :])


Found: TypeAlias = Match | ReportedMatch
AnyMatch = TypeVar("AnyMatch", Match, ReportedMatch, Found)


@function("contains", "<s-(sf):b>", bounded=True, cost=4)
def contains(evaluation: Evaluation, text: str | Undefined, pattern: str | Function | Undefined) -> Value:
    """Whether the pattern is found in the string."""
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 4)
    if isinstance(pattern, str):
        return pattern in text
    return next(_matches(evaluation, pattern, text), None) is not None


@function("match", "<s-f<s:o>n?:a<o>>", bounded=True, sequence=True, cost=16)
def match(
    evaluation: Evaluation, text: str | Undefined, pattern: Function, limit: float | Undefined
) -> list[dict[str, Value]]:
    """Every match, at most `limit`, as a sequence of objects with `match`, `index` and `groups`.

    Raises D3040 for a negative limit and T1010 for an invalid matcher.
    """
    if isinstance(text, Undefined):
        return []
    matches: list[dict[str, Value]] = []
    for found in _limited(_matches(evaluation, pattern, text), limit, "D3040", 3):
        evaluation.spend(_MATCH_COST)
        matches.append({"match": found.match, "index": found.start, "groups": found.groups})
    return matches


@function("split", "<s-(sf)n?:a<s>>", bounded=True, cost=5)
def split(
    evaluation: Evaluation, text: str | Undefined, separator: str | Function | Undefined, limit: float | Undefined
) -> Value:
    """The parts of the string between separators, at most `limit`; with an empty separator, its characters.

    Raises D3020 for a negative limit and T1010 for an invalid matcher.
    """
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 4)
    if isinstance(separator, str):
        most = _UINT32 if isinstance(limit, Undefined) else int(_not_negative(limit, "D3020", 3)) & _UINT32
        evaluation.gather(min(text.count(separator) + 1, most))
        return list(text[:most]) if not separator else text.split(separator, most)[:most]
    parts: list[str] = []
    last: Found | None = None
    for found in _limited(_matches(evaluation, separator, text), limit, "D3020", 3):
        evaluation.spend(_PART_COST)
        parts.append(found.before)
        last = found
    if isinstance(limit, Undefined) or len(parts) < limit:
        parts.append(text if last is None else last.after)
    return parts


@function("replace", "<s-(sf)(sf)n?:s>", bounded=True, cost=18)
def replace(
    evaluation: Evaluation,
    text: str | Undefined,
    pattern: str | Function | Undefined,
    replacement: str | Function | Undefined,
    limit: float | Undefined,
) -> Value:
    """The string with matches of the pattern replaced, at most `limit` times.

    In the replacement for a matcher `$0` is the match, `$1` its first group and `$$` a dollar; a function is called
    with the match object and must return a string (D3012). Raises D3010 for an empty pattern, D3011 for a negative
    limit and T1010 for an invalid matcher.
    """
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 4)
    if pattern == "":
        raise JSONataError("D3010", value=pattern, index=2)
    if isinstance(pattern, str):
        return _replaced(evaluation, text, pattern, replacement, limit)
    pieces: list[str] = []
    last: Found | None = None
    for found, new in _substituted(evaluation, text, pattern, replacement, limit):
        evaluation.spend(_PART_COST + (len(new) >> 4))
        pieces += found.before, new
        last = found
    pieces.append(text if last is None else last.after)
    evaluation.make(sum(map(len, pieces)))
    return "".join(pieces)


def _replaced(
    evaluation: Evaluation, text: str, pattern: str, replacement: str | Function | Undefined, limit: float | Undefined
) -> str:
    """`$replace` of a string by a literal replacement; UNDEFINED is written "undefined", as in JavaScript."""
    times = text.count(pattern)
    if not isinstance(limit, Undefined):
        times = min(times, math.ceil(_not_negative(limit, "D3011", 4)))
    if not times:
        return text
    if isinstance(replacement, Function):
        raise JSONataError("D3012", value=replacement)
    new = "undefined" if isinstance(replacement, Undefined) else replacement
    evaluation.make(len(text) + times * max(0, len(new) - len(pattern)))
    return text.replace(pattern, new, times)


def _matches(evaluation: Evaluation, matcher: Function | Undefined, text: str) -> Iterator[Found]:
    """The matches a matcher finds in `text`, each searched for on demand. Raises T1010."""
    return matcher.matches(text, evaluation) if isinstance(matcher, Regex) else _reported(evaluation, matcher, text)


def _reported(evaluation: Evaluation, matcher: Function | Undefined, text: str) -> Iterator[ReportedMatch]:
    if isinstance(matcher, Undefined):
        raise JSONataError("T0410", index=2, value=UNDEFINED)
    units = split_into_units(text)
    previous = 0
    result = matcher.call(text)
    while result is not UNDEFINED:
        evaluation.spend(_MATCH_COST)
        found = _report(result, units, previous)
        yield found
        previous = found.end
        following = found.source.get("next")
        if not isinstance(following, Function):
            raise JSONataError("T1010")
        result = following.call(UNDEFINED)


def _report(result: Value, units: str, previous: int) -> ReportedMatch:
    match result:
        case {"match": str() as match, "start": int() | float() as start}:
            end = int(start) + len(split_into_units(match))
            groups = result.get("groups")
            return ReportedMatch(
                result, units, previous, match, int(start), end, groups if type(groups) is list else []
            )
    raise JSONataError("T1010")


def _limited(found: Iterator[AnyMatch], limit: float | Undefined, code: str, index: int) -> Iterator[AnyMatch]:
    """The first `limit` matches; a negative limit is an error with `code` in argument `index`."""
    if isinstance(limit, Undefined):
        yield from found
    elif _not_negative(limit, code, index) > 0:
        for number, match in enumerate(found):
            if number >= limit:
                break
            yield match


def _not_negative(limit: float, code: str, index: int) -> float:
    if limit < 0:
        raise JSONataError(code, value=limit, index=index)
    return limit


def _substituted(
    evaluation: Evaluation,
    text: str,
    pattern: Function | Undefined,
    replacement: str | Function | Undefined,
    limit: float | Undefined,
) -> Iterator[tuple[Found, str]]:
    """Each match with its replacement."""
    if isinstance(replacement, str):
        substitute = _template(replacement)
        for found in _limited(_matches(evaluation, pattern, text), limit, "D3011", 4):
            yield found, substitute(found)
        return
    # A replacement function takes the objects of the matcher protocol.
    matcher = pattern.within(evaluation) if isinstance(pattern, Regex) else pattern
    for reported in _limited(_reported(evaluation, matcher, text), limit, "D3011", 4):
        if isinstance(replacement, Undefined):
            raise JSONataError("T0410", index=3, value=UNDEFINED)
        new = replacement.call(reported.source)
        if type(new) is not str:
            raise JSONataError("D3012", value=new)
        yield reported, new


def _template(template: str) -> Callable[[Found], str]:
    if "$" not in template:
        return lambda found: template
    parsed: dict[int, list[str | int]] = {}

    def substitute(found: Found) -> str:
        number = len(found.groups)
        parts = parsed.get(number)
        if parts is None:
            parts = parsed[number] = _template_parts(template, number)
        texts = (found.match, *found.groups)
        return "".join([part if isinstance(part, str) else _inserted(texts[part]) for part in parts])

    return substitute


def _inserted(group: Value) -> str:
    """The text of `$1`; groups of user-defined matchers need not be strings."""
    if type(group) is str:
        text: str = group
        return text
    return "" if group is UNDEFINED else scalar_text(group) or ""


def _template_parts(template: str, groups: int) -> list[str | int]:
    """The literal parts and group numbers (0: the match) of a replacement, for a pattern with `groups` groups.

    A number after `$` has as many digits as the number of groups, or one less if there is no such group. A group that
    does not exist is empty; a `$` before any other character is literal.
    """
    parts: list[str | int] = []
    position = 0
    while (dollar := template.find("$", position)) >= 0:
        parts.append(template[position:dollar])
        position = dollar + 1
        following = template[position : position + 1]
        if following == "$" or following == "0":
            parts.append(following if following == "$" else 0)
            position += 1
            continue
        digits = len(str(groups))
        number = _leading_integer(template[position : position + digits])
        if number is not None and number > groups and digits > 1:
            number = _leading_integer(template[position : position + digits - 1])
        if number is None:
            parts.append("$")
            continue
        if 1 <= number <= groups:
            parts.append(number)
        position += len(str(number))
    parts.append(template[position:])
    return parts


def _leading_integer(text: str) -> int | None:
    match = _INTEGER.match(text)
    return int(match[1]) if match else None
