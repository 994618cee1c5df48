r"""Java's regular expressions in filters (`@.name =~ /n\d+/i`), run by Python's `re` within bounds.

Both engines backtrack: a pattern written carelessly can take exponential time on a string chosen with malice, and one
execution must never hold the loop (design law 8). So each pattern is costed when it is compiled, by counting the ways
in which its parts can divide a string of n characters among them: `a?` has 2, `a{2,5}` has 4, `a*` about n,
alternatives add, sequences multiply. A repetition of something that itself varies, `(a+)+` or `(a|b)*`, is refused;
`[ab]*` is the way to write the latter. A repetition that is followed at once by a character it cannot contain
(`\d+-`) can end in one place only: it adds no ways, but may have to run over the string once for each way before it.

What comes out is some c * n^k / k! steps, and the pattern is applied to strings for which that stays below BUDGET: of
any length for k <= 1, up to 1414 characters for k = 2, 181 for k = 3. A longer string fails the state
with a cause that says so; a silent "no match" would be worse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import factorial
from typing import TypeAlias

from express.errors import RUNTIME, EngineError, ExpressionError

Matcher: TypeAlias = Callable[[str], bool]

#: Steps that one match may take: 5 to 10 milliseconds.
BUDGET = 1_000_000

#: No string in a payload is longer (256 KiB).
_LONGEST = 262_144

#: Both parsers of a pattern, `re`'s and the one here, descend once for each group.
_MOST_GROUPS = 50

_JAVA_GROUP = re.compile(r"\(\?<(?=[A-Za-z])")
_ATOM = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|[^()|]", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|<?[=!]|[:>]|[a-zA-Z]+(?:-[a-zA-Z]+)?:?))?")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d*,?\d*\})([+?]?)")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
#: Characters by which two parts of a pattern are told apart: Latin, Greek, Cyrillic, and the odd blank.
_ALPHABET = [chr(code) for code in (*range(0x530), 0x2028, 0x4E00, 0x1F600)]


def compile_pattern(regex: str, flags: str, offset: int) -> Matcher:
    """A function that tells whether a string matches as a whole, as Java's `Matcher.matches()`.

    `flags` are any of Java's `i m s x u U d`; `offset` is where the pattern stands in the path. Raises
    ExpressionError for a pattern that is malformed or too costly. The matcher raises EngineError `States.Runtime`
    for a string on which it could run for too long.
    """
    options = re.NOFLAG if set("uU") & set(flags) else re.ASCII
    for letter in flags:
        options |= _FLAGS.get(letter, re.NOFLAG)
    if regex.count("(") > _MOST_GROUPS:
        raise ExpressionError(f"A regular expression may have {_MOST_GROUPS} groups", offset)
    text = _JAVA_GROUP.sub("(?P<", regex)
    try:
        matches = re.compile(text, options).fullmatch
    except re.error as error:
        place = offset + min(error.pos or 0, len(regex))
        raise ExpressionError(f"The regular expression is not valid: {error.msg}", place) from None
    limit = _longest_subject(_Coster(text, options, offset).read(), offset)
    if limit is None:
        return lambda subject: matches(subject) is not None

    def match_bounded(subject: str) -> bool:
        if len(subject) > limit:
            raise EngineError(
                RUNTIME,
                f"The regular expression /{regex}/ is applied to a string of {len(subject)} characters. "
                f"This runtime bounds the time it takes and applies it to strings of up to {limit} characters.",
            )
        return matches(subject) is not None

    return match_bounded


@dataclass(frozen=True, slots=True)
class _Cost:
    """`fixed * n ** open` ways to match a string of n characters.

    `runs`: some part runs over the string, and can end in one place only; `reruns`: it does so once for each way in
    which the parts in front of it can match.
    """

    fixed: int = 1
    open: int = 0
    runs: bool = False
    reruns: bool = False

    @property
    def varies(self) -> bool:
        return self.fixed > 1 or self.open > 0


def _longest_subject(cost: _Cost, offset: int) -> int | None:
    """The length up to which `cost` stays within BUDGET, None for any a payload can hold."""
    if cost.fixed > BUDGET:
        raise ExpressionError("The regular expression has too many optional parts to be run safely", offset)
    power = cost.open + cost.reruns
    if power == 0 or not cost.varies:
        return None
    limit = int((BUDGET * factorial(cost.open) / cost.fixed) ** (1 / power))
    return None if limit >= _LONGEST else limit


class _Coster:
    """Walks a pattern that `re` has accepted."""

    def __init__(self, text: str, flags: re.RegexFlag, offset: int) -> None:
        self.text = text
        self.flags = flags
        self.offset = offset
        self.position = 0

    def read(self) -> _Cost:
        """Alternatives, up to the end of the group or of the pattern."""
        branches = [self._read_sequence()]
        while self.text.startswith("|", self.position):
            self.position += 1
            branches.append(self._read_sequence())
        return _Cost(
            sum(branch.fixed for branch in branches),
            max(branch.open for branch in branches),
            any(branch.runs for branch in branches),
            any(branch.reruns for branch in branches),
        )

    def _read_sequence(self) -> _Cost:
        total = _Cost()
        while self.position < len(self.text) and self.text[self.position] not in "|)":
            part = self._read_part()
            total = _Cost(
                min(total.fixed * part.fixed, BUDGET + 1),
                total.open + part.open,
                total.runs or part.runs,
                total.reruns or part.reruns or (part.runs and total.varies),
            )
        return total

    def _read_part(self) -> _Cost:
        start = self.position
        if group := _GROUP.match(self.text, start):
            self.position = group.end()
            body = self.read() if not self.text.startswith(")", self.position) else _Cost()
            self.position += 1
            atom = None
        else:
            body = _Cost()
            atom = self._read_atom()
        quantifier = _QUANTIFIER.match(self.text, self.position)
        if quantifier is None:
            return body
        self.position = quantifier.end()
        if quantifier[1] == "+":
            return replace(body, runs=True)
        return self._repeat(body, atom, *_bounds(quantifier[0]), start)

    def _read_atom(self) -> str:
        atom = _ATOM.match(self.text, self.position)
        assert atom is not None
        self.position = atom.end()
        return atom[0]

    def _repeat(self, body: _Cost, atom: str | None, least: int, most: int | None, start: int) -> _Cost:
        if body.varies and (most is None or most > 8):
            raise ExpressionError(
                "The regular expression repeats a part that can itself match in several ways; "
                "that can take exponential time",
                self.offset + start,
            )
        decided = atom is not None and self._ends_in_one_place(atom)
        if most is None:
            return _Cost(1, 0 if decided else 1, body.runs or decided)
        counts = 1 if decided else most - least + 1
        return _Cost(min(body.fixed**most * counts, BUDGET + 1), body.open * most, body.runs or most > 16, body.reruns)

    def _ends_in_one_place(self, atom: str) -> bool:
        """Is the next part one plain character that `atom` cannot match?"""
        if self.position >= len(self.text) or self.text[self.position] in "|)(^$":
            return False
        following = _ATOM.match(self.text, self.position)
        if following is None or _ANCHOR.fullmatch(following[0]) or _ANCHOR.fullmatch(atom):
            return False
        quantifier = _QUANTIFIER.match(self.text, following.end())
        if quantifier is not None and _bounds(quantifier[0])[0] == 0:
            return False
        one, other = re.compile(atom, self.flags).fullmatch, re.compile(following[0], self.flags).fullmatch
        return not any(one(char) and other(char) for char in _ALPHABET)


#: Escapes that stand for a place or an earlier group, not for a character.
_ANCHOR = re.compile(r"\\[AbBZ1-9]")


def _bounds(quantifier: str) -> tuple[int, int | None]:
    """`{2,5}` -> (2, 5); `*` -> (0, None)."""
    match quantifier[0]:
        case "*":
            return 0, None
        case "+":
            return 1, None
        case "?":
            return 0, 1
        case _:
            least, comma, most = quantifier[1 : quantifier.index("}")].partition(",")
            low = int(least or 0)
            return low, (int(most) if most else None) if comma else low
