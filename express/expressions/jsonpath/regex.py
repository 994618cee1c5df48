r"""Java's regular expressions in filters (`@.name =~ /n\d+/i`), run by the `regex` package with a timeout.

Both engines backtrack, and their notations are nearly the same. A scanner passes over the pattern once: it accepts
Java's constructs, rewrites those that the package notates differently (`\Q..\E`, `\p{Alpha}`, `\h`), and rejects
those that only the package has, such as recursion and fuzzy matching.

The same pass computes the arguments of `TimedRegex`. For long strings a repetition of one character (`\w*`) is
written in blocks, so that no single step runs over the whole string. And if no group is repeated, the number of ways
in which the parts can divide a string of n characters is some c * n^k / k!, with n for `\d+`, two for `a?` and the
sum for alternatives: strings for which this stays small need no timeout.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

import regex

from express.errors import RUNTIME, EngineError, ExpressionError
from express.expressions.timed_regex import CALM, UNROLLED, TimedRegex, calm_length

Matcher: TypeAlias = Callable[[str], bool]

#: Upper bound of groups: the package's parser recurses once per group.
_MOST_GROUPS: Final = 50
#: Upper bound of the pattern's length: at this length the package takes some 100 milliseconds to compile.
_LONGEST: Final = 10_000
#: Characters that a repetition takes in one step, in strings that are searched with a timeout.
_BLOCK: Final = 256

#: Java's u and U correspond to the absence of ASCII in the package; d affects only line ends; the scanner handles x.
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
#: Flags that apply within a group or from there on; the package lacks some of them.
_GROUP_FLAGS: Final = re.compile(r"\(\?([a-zA-Z]*-?[a-zA-Z]*)([:)])")
_OTHER_FLAGS: Final = re.compile("[duU]")
_TOKEN: Final = re.compile(
    r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
    r"|\\(?P<sign>[pP])(?:\{(?:Is|In)?(?P<property>\w+)\}|(?P<letter>[A-Z]))"
    r"|\\x\{(?P<code>[0-9a-fA-F]{1,5})\}"
    r"|\\0(?P<octal>[0-3]?[0-7]{1,2})"
    r"|\\k<(?P<name>[a-zA-Z][a-zA-Z0-9]*)>"
    r"|\\(?P<escape>.)"
    r"|\((?:\?(?:[:=!>]|<[=!]|<[a-zA-Z][a-zA-Z0-9]*>|[idmsuxU]*(?:-[idmsuxU]+)?[:)]))?(?!\?)"
    r"|(?:[*+?]|\{(?P<low>\d+)(?P<comma>,?)(?P<high>\d*)\})(?P<kind>[+?]?)"
    r"|[^*+?{(\\]",
    re.DOTALL,
)
_LINE_END: Final = r"\n\x0b\f\r\x85\u2028\u2029"
_BLANK: Final = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
#: Classes that the package lacks or defines differently.
_CLASSES: Final = {
    "h": f"[{_BLANK}]",
    "H": f"[^{_BLANK}]",
    "v": f"[{_LINE_END}]",
    "V": f"[^{_LINE_END}]",
    "e": r"\x1b",
}
_PLACES: Final = {"R": f"(?:\\r\\n|[{_LINE_END}])", "z": r"\Z", "Z": f"(?=(?:\\r\\n|[{_LINE_END}])?\\Z)"}
_PLACES.update({letter: f"\\{letter}" for letter in "bBAG123456789"})
#: Escapes that both have. In Java a letter without a meaning must not be escaped.
_SHARED: Final = frozenset("tnrfa")
#: Classes that are ASCII-only unless a flag says otherwise.
_ASCII_CLASSES: Final = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "s": r"[\x20\t-\r]",
    "S": r"[^\x20\t-\r]",
    "w": "[a-zA-Z0-9_]",
    "W": "[^a-zA-Z0-9_]",
}
_CODES: Final = {"u": re.compile("[0-9a-fA-F]{4}"), "x": re.compile("[0-9a-fA-F]{2}")}
#: POSIX classes, ASCII only.
_PROPERTIES: Final = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": r"\x20-~",
    "Blank": r"\x20\t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r"\x20\t-\r",
}


def compile_pattern(text: str, flags: str, offset: int) -> Matcher:
    """A function that tests whether a string matches as a whole, like Java's `Matcher.matches()`.

    `flags` are any of Java's `i m s x u U d`; `offset` is where the pattern starts in the path. Raises
    ExpressionError for a malformed pattern. The matcher raises EngineError `States.Runtime` for a string on which it
    takes too long.
    """
    scanner = _Scanner(text, offset, flags)
    scanner.read()
    options = regex.VERSION1 | (0 if scanner.unicode else regex.ASCII)
    for letter in flags:
        options |= _FLAGS.get(letter, 0)
    plain, patient = (f"\\A(?-f:{''.join(pieces)})\\Z" for pieces in (scanner.plain, scanner.patient))
    try:
        search = TimedRegex(plain, patient, options, scanner.calm_length()).search
    except regex.error as error:
        raise ExpressionError(f"The regular expression is not valid: {error.msg}", offset) from None

    def matches(subject: str) -> bool:
        try:
            return search(subject) is not None
        except TimeoutError:
            raise EngineError(
                RUNTIME,
                f"The regular expression /{text}/ takes too long on a string of {len(subject)} characters. "
                "This runtime bounds the time that one match takes.",
            ) from None

    return matches


class _Scanner:
    """One pass over a pattern.

    `plain` is the pattern in the package's notation, piece by piece, `patient` the same with repetitions in blocks.
    `unicode`: its flags or properties go beyond ASCII.
    """

    def __init__(self, text: str, offset: int, flags: str) -> None:
        self.plain: list[str] = []
        self.patient: list[str] = []
        self.unicode = "u" in flags or "U" in flags
        self._text = text
        self._offset = offset
        self._position = 0
        self._classes = _CLASSES if self.unicode else _CLASSES | _ASCII_CLASSES
        self._verbose = "x" in flags
        self._groups = 0
        #: Minimum length matched by each open group, outermost first, and by the last part.
        self._least = [0]
        self._last = 0
        #: Whether the last part is a single character; a longer repeated part can match in many ways.
        self._single = False
        self._fixed, self._open, self._wild = 1, 0, False

    def read(self) -> None:
        """Scan the pattern; raises ExpressionError for constructs that Java lacks."""
        if len(self._text) > _LONGEST:
            raise self._error("it is too long")
        while self._position < len(self._text):
            if self._text[self._position] == "[":
                self._add(self._read_class(), single=True)
            elif token := _TOKEN.match(self._text, self._position):
                self._position = token.end()
                self._read_token(token)
            else:
                raise self._error("unknown construct")
        if sum(self._least) > UNROLLED:
            raise self._error("it repeats a part too often")

    def calm_length(self) -> int:
        """The maximum length of strings for which a match is certainly short; 0 if there is none."""
        return 0 if self._wild else calm_length(self._fixed, max(self._open, 1))

    def _read_token(self, token: re.Match[str]) -> None:
        match token[0][0]:
            case "(":
                self._open_group(token[0])
            case "*" | "+" | "?" | "{":
                self._read_quantifier(token)
            case ")":
                self._last = self._least.pop() if len(self._least) > 1 else 0
                self._least[-1] += self._last
                self._append(")")
            case "|":
                self._fixed = min(self._fixed * 2, CALM + 1)
                self._append("|")
            case "^" | "$":
                self._append(token[0])
            case "\\":
                self._read_escape(token)
            case "." as character:
                self._add(character, single=True)
            case character if self._verbose and character.isspace():
                pass
            case "#" if self._verbose:
                end = self._text.find("\n", self._position)
                self._position = len(self._text) if end < 0 else end
            case character:
                self._add(re.escape(character), single=True)

    def _append(self, piece: str) -> None:
        """Append a piece that matches no characters."""
        self.plain.append(piece)
        self.patient.append(piece)
        self._single = False

    def _add(self, piece: str, *, single: bool) -> None:
        """Append a part that matches characters: exactly one, if `single`."""
        self._append(piece)
        self._single = single
        self._last = 1
        self._least[-1] += 1

    def _open_group(self, opening: str) -> None:
        self._groups += 1
        if self._groups > _MOST_GROUPS:
            raise ExpressionError(f"A regular expression may have {_MOST_GROUPS} groups", self._offset)
        if flags := _GROUP_FLAGS.fullmatch(opening):
            opening = f"(?{_OTHER_FLAGS.sub('', flags[1])}{flags[2]}".replace("-:", ":")
            if opening in ("(?)", "(?-)"):
                return
        if not opening.endswith(")"):
            self._least.append(0)
        self._append(opening)

    def _read_quantifier(self, token: re.Match[str]) -> None:
        low, high = _bounds(token)
        self._least[-1] += self._last * (low - 1)
        kind = token["kind"]
        self.plain.append(token[0])
        if not self._single:
            self._wild = self._wild or high is None or high > 1
            self.patient.append(token[0])
            self._fixed = min(self._fixed * 2, CALM + 1)
        elif high is None:
            self._open += 1
            body, lazy = self.patient.pop(), "?" if kind == "?" else ""
            first = f"{body}{{{low}}}" if low else ""
            blocks = f"(?:{body}{{{_BLOCK}}})*{lazy}{body}{{0,{_BLOCK - 1}}}{lazy}"
            self.patient.append(f"(?>{first}{blocks})" if kind == "+" else f"{first}{blocks}")
        else:
            self._fixed = min(self._fixed * max(high - low + 1, 1), CALM + 1)
            self.patient.append(token[0])
        self._single = False

    def _read_escape(self, token: re.Match[str]) -> None:
        if token["quoted"] is not None:
            for character in token["quoted"]:
                self._add(re.escape(character), single=True)
        elif token["name"]:
            self._append(f"(?P={token['name']})")
        elif token["escape"] in _PLACES:
            self._append(_PLACES[token["escape"]])
        else:
            self._add(self._character(token), single=True)

    def _character(self, token: re.Match[str]) -> str:
        """An escape for one character, or for a class of them."""
        if token["code"] or token["octal"]:
            code = int(token["code"], 16) if token["code"] else int(token["octal"], 8)
            return f"\\U{code:08x}"
        if token["sign"]:
            name = token["property"] or token["letter"]
            if name not in _PROPERTIES:
                self.unicode = True
                return f"\\{token['sign']}{{{name}}}"
            return f"[{'^' if token['sign'] == 'P' else ''}{_PROPERTIES[name]}]"
        escape = token["escape"] or ""
        if escape in self._classes:
            return self._classes[escape]
        if escape == "u" or escape == "x":
            return self._code(escape)
        if escape in _SHARED or escape in _ASCII_CLASSES:
            return f"\\{escape}"
        if not (escape.isascii() and escape.isalnum()):
            return re.escape(escape)
        raise self._error(f"unknown escape \\{escape}")

    def _code(self, escape: str) -> str:
        digits = _CODES[escape].match(self._text, self._position)
        if digits is None:
            raise self._error(f"unknown escape \\{escape}")
        self._position = digits.end()
        return f"\\u{int(digits[0], 16):04x}"

    def _read_class(self) -> str:
        """A class from `[` to its `]`; classes may be nested and intersected (`&&`)."""
        start = self._position
        pieces: list[str] = []
        depth = 0
        while self._position < len(self._text):
            character = self._text[self._position]
            token = _TOKEN.match(self._text, self._position) if character == "\\" else None
            if token is not None:
                self._position = token.end()
                pieces.append(self._member(token))
                continue
            self._position += 1
            if character == "[":
                depth += 1
                opening = "[^" if self._text.startswith("^", self._position) else "["
                self._position += len(opening) - 1
                pieces.append(opening)
                if self._text.startswith("]", self._position):
                    self._position += 1
                    pieces.append("\\]")
            elif character == "]":
                depth -= 1
                pieces.append("]")
                if not depth:
                    return "".join(pieces)
            elif character in "-&":
                # In the package two dashes mean set difference; two ampersands mean intersection in both.
                pieces.append("\\-" if character == pieces[-1] == "-" else character)
            elif not (self._verbose and character.isspace()):
                pieces.append(re.escape(character))
        raise self._error("unterminated character class", start)

    def _member(self, token: re.Match[str]) -> str:
        if token["quoted"] is not None:
            return re.escape(token["quoted"])
        if token["name"] or token["escape"] in _PLACES:
            raise self._error("a place is no member of a character class")
        return self._character(token)

    def _error(self, reason: str, position: int | None = None) -> ExpressionError:
        place = self._position if position is None else position
        return ExpressionError(f"The regular expression is not valid: {reason}", self._offset + place)


def _bounds(token: re.Match[str]) -> tuple[int, int | None]:
    """`{2,5}` -> (2, 5); `*` -> (0, None)."""
    match token[0][0]:
        case "*":
            return 0, None
        case "+":
            return 1, None
        case "?":
            return 0, 1
    low = int(token["low"])
    return low, (int(token["high"]) if token["high"] else None) if token["comma"] else low
