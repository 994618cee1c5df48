r"""A pattern in the notation of the `regex` package.

JavaScript's notation is never passed on: every set is written out. The package's flag ASCII is needed for `\w` and
`\d`; sets are complete without IGNORECASE, but with it plain letters are found faster. A reference to a group that
captured nothing fails in the package and matches the empty string in JavaScript, which needs a conditional.

The package checks its clock every 256 steps, but one `\w*` over a whole text is a single step. For long texts such a
repetition is therefore written in blocks, `(?:\w{256})*\w{0,255}`, which tries the same lengths in the same order,
each once, but in many steps.
"""

from __future__ import annotations

from typing import Final

from express.expressions.jsonata.patterns import syntax
from express.expressions.jsonata.patterns.characters import ANY, DIGITS, WORD, Ranges, complement
from express.expressions.jsonata.patterns.syntax import (
    Alternation,
    Assertion,
    Backreference,
    Characters,
    Group,
    Look,
    Node,
    Pattern,
    Repeat,
    Sequence,
)

#: Characters that a repetition takes in one step, in longer texts.
BLOCK: Final = 256

_OTHER: Final = r"[^\n\r\u2028\u2029]"
_ASSERTIONS: Final = {
    syntax.START: r"\A",
    syntax.END: r"\Z",
    syntax.LINE_START: f"(?<!{_OTHER})",
    syntax.LINE_END: f"(?!{_OTHER})",
    # The package's own \b and \B match at no position of an empty text.
    syntax.BOUNDARY: r"(?:(?<=\w)(?!\w)|(?<!\w)(?=\w))",
    syntax.NO_BOUNDARY: r"(?:(?<=\w)(?=\w)|(?<!\w)(?!\w))",
}
_SETS: Final[dict[Ranges, str]] = {
    ANY: r"(?s:.)",
    (): "(?!)",
    DIGITS: r"\d",
    WORD: r"\w",
    complement(DIGITS): r"\D",
    complement(WORD): r"\W",
}


#: Letters in both cases, as `ignoring_case` makes them from one.
_BOTH_CASES: Final[dict[Ranges, str]] = {
    ((code, code), (code + 32, code + 32)): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)
}


def translate(pattern: Pattern, *, in_blocks: bool) -> str:
    """The pattern to compile with the flag ASCII, and IGNORECASE if it ignores case.

    `in_blocks`: for texts longer than BLOCK.
    """
    return _Translation(in_blocks, _SETS | _BOTH_CASES if pattern.ignore_case else _SETS).translate(pattern.root)


class _Translation:
    """One translation; `sets` are those with a special notation."""

    def __init__(self, in_blocks: bool, sets: dict[Ranges, str]) -> None:
        self.in_blocks = in_blocks
        self.sets = sets

    def translate(self, node: Node) -> str:
        match node:
            case Characters(ranges):
                return self.sets.get(ranges) or _set(ranges)
            case Sequence(parts):
                return "".join(map(self._part, parts))
            case Alternation(branches):
                return "|".join(map(self.translate, branches))
            case Group(_, body):
                return f"({self.translate(body)})"
            case Repeat():
                return self._repeat(node)
            case Look(body, behind, negative):
                return f"(?{'<' if behind else ''}{'!' if negative else '='}{self.translate(body)})"
            case Backreference(index):
                return f"(?({index})\\g<{index}>)"
            case Assertion(kind):
                return _ASSERTIONS[kind]

    def _part(self, node: Node) -> str:
        """A node as part of a sequence, or as the body of a repetition."""
        text = self.translate(node)
        return f"(?:{text})" if isinstance(node, Sequence | Alternation) else text

    def _repeat(self, node: Repeat) -> str:
        body = self._part(node.body)
        if isinstance(node.body, Repeat | Backreference | Assertion):
            body = f"(?:{body})"
        lazy = "" if node.greedy else "?"
        if self.in_blocks and node.high is None and isinstance(node.body, Characters):
            first = f"{body}{{{node.low}}}" if node.low else ""
            return f"{first}(?:{body}{{{BLOCK}}})*{lazy}{body}{{0,{BLOCK - 1}}}{lazy}"
        return f"{body}{{{node.low},{'' if node.high is None else node.high}}}{lazy}"


def _set(ranges: Ranges) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _escape(ranges[0][0])
    others = complement(ranges)
    if len(others) < len(ranges):
        return f"[^{_members(others)}]"
    return f"[{_members(ranges)}]"


def _members(ranges: Ranges) -> str:
    return "".join(_escape(low) if low == high else f"{_escape(low)}-{_escape(high)}" for low, high in ranges)


def _escape(unit: int) -> str:
    character = chr(unit)
    return character if character.isascii() and character.isalnum() else f"\\u{unit:04x}"
