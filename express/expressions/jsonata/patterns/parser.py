r"""The text of a regular expression parsed to a tree, by ECMAScript's rules without the flags u and v.

That is the grammar of ECMA-262 22.2.1 with the leniency of its annex B, which real patterns rely on: `{`, `}` and `]`
are literal where they have no other meaning, `\-` is `-`, `\8` is `8`, `\12` is an octal escape unless there are
twelve groups, and a lookahead may be repeated. Error texts are V8's.
"""

from __future__ import annotations

import re
from typing import Final

from express.expressions.jsonata.patterns import syntax
from express.expressions.jsonata.patterns.characters import (
    DIGITS,
    SPACE,
    TERMINATORS,
    WORD,
    Ranges,
    complement,
    ignoring_case,
    join,
    single,
    union,
)
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

#: Maximum code units; a pattern of that length takes the `regex` package some 100 milliseconds to compile.
_LONGEST: Final = 10_000

#: Maximum nesting of groups; every walk over a tree recurses once per level.
_DEEPEST: Final = 40

_TOO_LARGE: Final = "Regular expression too large"

#: A repetition of more than this counts as unbounded: no text is that long.
_ENDLESS: Final = 1 << 30

#: Matches openings of groups, and constructs that may contain a `(` that opens none.
_GROUPS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*|\((?!\?)|\(\?<(?![=!])(?P<name>[^>]*)>?", re.DOTALL)
_LOOK = re.compile(r"\(\?(<?)([=!])")
_BRACES = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_OCTAL = re.compile(r"[0-3][0-7]{0,2}|[4-7][0-7]?")
_DECIMAL = re.compile(r"[1-9][0-9]*")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_NAME_ESCAPE = re.compile(r"\\u(?:([0-9a-fA-F]{4})|\{([0-9a-fA-F]+)\})")

_CLASSES: Final[dict[str, Ranges]] = {"d": DIGITS, "w": WORD, "s": SPACE}
_CLASSES.update({name.upper(): complement(ranges) for name, ranges in list(_CLASSES.items())})
_CONTROLS: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class PatternError(Exception):
    """An invalid regular expression; the text is V8's reason."""


def parse(units: str, *, ignore_case: bool, multiline: bool) -> Pattern:
    """Parse a pattern, given as UTF-16 code units (`characters.spread`). Raises PatternError."""
    if len(units) > _LONGEST:
        raise PatternError(_TOO_LARGE)
    return _Parser(units, ignore_case, multiline).read()


class _Parser:
    def __init__(self, text: str, ignore_case: bool, multiline: bool) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.opened = 0
        self.ignore_case = ignore_case
        self.multiline = multiline
        opening = [found for found in _GROUPS.finditer(text) if found[0][0] == "("]
        self.groups = len(opening)
        self.names: dict[str, int] = {}
        self.named = any(found["name"] is not None for found in opening)
        if self.named:
            for index, found in enumerate(opening, 1):
                if found["name"] is not None:
                    self.names.setdefault(_unescaped(found["name"]), index)
        self.seen: set[str] = set()

    def read(self) -> Pattern:
        root = self._read_alternation()
        if self.position < len(self.text):
            raise PatternError("Unmatched ')'")
        return Pattern(root, self.groups, self.ignore_case)

    def _read_alternation(self) -> Node:
        branches = [self._read_sequence()]
        while self._take("|"):
            branches.append(self._read_sequence())
        return branches[0] if len(branches) == 1 else Alternation(tuple(branches))

    def _read_sequence(self) -> Node:
        parts: list[Node] = []
        while self.position < len(self.text) and self.text[self.position] not in "|)":
            part = self._read_part()
            parts.append(part if isinstance(part, Assertion) else self._read_quantifier(part))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _read_part(self) -> Node:
        character = self.text[self.position]
        match character:
            case "(":
                return self._read_group()
            case "[":
                self.position += 1
                return self._read_class()
            case "\\":
                self.position += 1
                return self._read_escape()
            case "*" | "+" | "?":
                raise PatternError("Nothing to repeat")
            case "{" if _BRACES.match(self.text, self.position):
                raise PatternError("Nothing to repeat")
        self.position += 1
        match character:
            case "^":
                return Assertion(syntax.LINE_START if self.multiline else syntax.START)
            case "$":
                return Assertion(syntax.LINE_END if self.multiline else syntax.END)
            case ".":
                return Characters(complement(TERMINATORS))
        return self._characters(single(character))

    def _read_group(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise PatternError(_TOO_LARGE)
        node = self._read_group_body()
        self.depth -= 1
        return node

    def _read_group_body(self) -> Node:
        if look := _LOOK.match(self.text, self.position):
            self.position = look.end()
            return Look(self._read_enclosed(), behind=bool(look[1]), negative=look[2] == "!")
        self.position += 1
        if self._take("?:"):
            return self._read_enclosed()
        if self._take("?<"):
            self._read_name_of_group()
        elif self._take("?"):
            raise PatternError("Invalid group")
        self.opened += 1
        index = self.opened
        return Group(index, self._read_enclosed())

    def _read_enclosed(self) -> Node:
        body = self._read_alternation()
        if not self._take(")"):
            raise PatternError("Unterminated group")
        return body if isinstance(body, Sequence | Alternation) else Sequence((body,))

    def _read_name_of_group(self) -> None:
        name = self._read_name("Invalid capture group name")
        if name in self.seen:
            raise PatternError("Duplicate capture group name")
        self.seen.add(name)

    def _read_name(self, otherwise: str) -> str:
        end = self.text.find(">", self.position)
        name = _unescaped(self.text[self.position : end]) if end != -1 else ""
        if not name.replace("$", "_").replace("\u200c", "_").replace("\u200d", "_").isidentifier():
            raise PatternError(otherwise)
        self.position = end + 1
        return name

    def _read_quantifier(self, part: Node) -> Node:
        """`part` with the quantifier that follows it, if any."""
        if self._take("*"):
            low, high = 0, None
        elif self._take("+"):
            low, high = 1, None
        elif self._take("?"):
            low, high = 0, 1
        elif braces := _BRACES.match(self.text, self.position):
            self.position = braces.end()
            low, high = _bounds(braces)
        else:
            return part
        if isinstance(part, Look) and part.behind:
            raise PatternError("Invalid quantifier")
        return Repeat(part, low, high, greedy=not self._take("?"))

    def _read_escape(self) -> Node:
        if self.position >= len(self.text):
            raise PatternError("\\ at end of pattern")
        character = self.text[self.position]
        match character:
            case "b" | "B":
                self.position += 1
                return Assertion(syntax.BOUNDARY if character == "b" else syntax.NO_BOUNDARY)
            case "k" if self.named:
                self.position += 1
                return self._read_named_reference()
        number = _DECIMAL.match(self.text, self.position)
        if number and len(number[0]) < 6 and int(number[0]) <= self.groups:
            self.position = number.end()
            return Backreference(int(number[0]))
        return self._characters(self._read_class_escape(in_class=False))

    def _read_named_reference(self) -> Node:
        if not self._take("<"):
            raise PatternError("Invalid named reference")
        name = self._read_name("Invalid named reference")
        if name not in self.names:
            raise PatternError("Invalid named capture referenced")
        return Backreference(self.names[name])

    def _read_class(self) -> Node:
        """The class between `[` and `]`."""
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._read_member()
            if self.text.startswith("-", self.position) and not self.text.startswith("-]", self.position):
                self.position += 1
                ranges += _span(low, self._read_member())
            else:
                ranges += low
        members = union(ranges)
        if self.ignore_case:
            members = ignoring_case(members)
        return Characters(complement(members) if negated else members)

    def _read_member(self) -> Ranges:
        """One character of a class, or a class in it such as `\\d`."""
        if self.position >= len(self.text):
            raise PatternError("Unterminated character class")
        character = self.text[self.position]
        self.position += 1
        if character != "\\":
            return single(character)
        if self.position >= len(self.text):
            raise PatternError("\\ at end of pattern")
        return self._read_class_escape(in_class=True)

    def _read_class_escape(self, *, in_class: bool) -> Ranges:
        """The escape after a backslash, of one character or several."""
        character = self.text[self.position]
        if character in _CLASSES:
            self.position += 1
            return _CLASSES[character]
        if character in _CONTROLS:
            self.position += 1
            return single(_CONTROLS[character])
        if octal := _OCTAL.match(self.text, self.position):
            self.position = octal.end()
            return single(chr(int(octal[0], 8)))
        if code := _HEX.match(self.text, self.position):
            self.position = code.end()
            return single(chr(int(code[1] or code[2], 16)))
        if character == "c":
            return self._read_control(in_class)
        if character == "k" and self.named:
            raise PatternError("Invalid escape")
        self.position += 1
        return single("\b") if character == "b" and in_class else single(character)

    def _read_control(self, in_class: bool) -> Ranges:
        """`\\cJ`; if no letter follows, the backslash is literal."""
        letter = self.text[self.position + 1 : self.position + 2]
        if letter.isascii() and (letter.isalpha() or (in_class and (letter.isdigit() or letter == "_"))):
            self.position += 2
            return single(chr(ord(letter) & 0x1F))
        return single("\\")

    def _characters(self, ranges: Ranges) -> Characters:
        return Characters(ignoring_case(ranges) if self.ignore_case else ranges)

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False


def _bounds(braces: re.Match[str]) -> tuple[int, int | None]:
    low = _count(braces[1])
    high = low if braces[2] is None else _count(braces[3]) if braces[3] else None
    if high is not None and high < low:
        raise PatternError("numbers out of order in {} quantifier")
    return low, None if high == _ENDLESS else high


def _count(digits: str) -> int:
    return _ENDLESS if len(digits.lstrip("0")) > 9 else min(int(digits), _ENDLESS)


def _span(low: Ranges, high: Ranges) -> Ranges:
    """`a-z`; next to a class, as in `\\w-z`, the dash is a literal member."""
    if low[0][0] != low[-1][1] or high[0][0] != high[-1][1]:
        return (*low, *high, (0x2D, 0x2D))
    if low > high:
        raise PatternError("Range out of order in character class")
    return ((low[0][0], high[0][0]),)


def _unescaped(name: str) -> str:
    return join(_NAME_ESCAPE.sub(lambda code: chr(int(code[1] or code[2], 16) % 0x110000), name))
