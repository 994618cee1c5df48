"""The position of every value in a JSON text.

A parsed definition no longer knows its text, but a problem needs the line, the column and the characters to
underline. `outline` scans the text again, strictly and without recursion, and records the span of every value and of
its key. It runs only to place a problem or to explain a syntax error, so a correct definition never pays for it.

The grammar is RFC 8259; a text that breaks it raises the JSONSyntaxError that `syntax` words.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from express.definition import syntax
from express.definition.pointer import escape_key, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLANKS: Final = re.compile(r"[ \t\r\n]*+")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_LITERAL: Final = re.compile(r"(?:true|false|null)(?![\w$])")
_RUNS_ON: Final = re.compile(r"[\w$.]")
_CHARACTER: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\"]", re.DOTALL
)


class Node:
    """One value: `[start, end)` is its span in the text, `[key_start, key_end)` that of its key, quotes included.

    `members` holds the nodes of an object by name or those of an array in order, and is None for a scalar. The root
    and array items have no key: `key_start` is -1.
    """

    __slots__ = ("end", "key_end", "key_start", "members", "start")

    def __init__(self, start: int, key_start: int = -1, key_end: int = -1) -> None:
        self.start = start
        self.end = start
        self.key_start = key_start
        self.key_end = key_end
        self.members: dict[str, Node] | list[Node] | None = None

    def child(self, step: str) -> Node | None:
        """The member of that name or the item at that index, or None."""
        if isinstance(self.members, dict):
            return self.members.get(step)
        if isinstance(self.members, list) and step.isdecimal() and int(step) < len(self.members):
            return self.members[int(step)]
        return None


class Outline:
    """The root node of a text, and every key that repeats an earlier key of its object, in text order."""

    __slots__ = ("repeated", "root")

    def __init__(self, root: Node, repeated: Sequence[tuple[str, Node]]) -> None:
        self.root = root
        self.repeated = repeated

    def nearest(self, pointer: str) -> Node:
        """The node at the pointer, or the nearest ancestor present in the text."""
        node = self.root
        for step in steps_of(pointer):
            child = node.child(step)
            if child is None:
                break
            node = child
        return node


def outline(text: str) -> Outline:
    """Read a whole JSON text. Raises JSONSyntaxError."""
    return _Scanner(text).scan()


def string_position(text: str, start: int, offset: int) -> int:
    """The index in `text` of character `offset` of the string whose opening quote is at `start`.

    An escape (`\\n`, `\\u00e9`, a surrogate pair) counts as the one character it stands for. An offset beyond the end
    of the string gives the closing quote.
    """
    position = start + 1
    for _ in range(offset):
        character = _CHARACTER.match(text, position)
        if character is None:
            break
        position = character.end()
    return position


class _Scanner:
    """The strict scanner behind `outline`: one loop over the values, with a stack of the open containers."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.open: list[Node] = []
        self.steps: list[str | int] = []  # per open container, the member being read
        self.repeated: list[tuple[str, Node]] = []

    def scan(self) -> Outline:
        self.skip_blanks()
        root = Node(self.position)
        node: Node | None = root
        while node is not None:
            node = self.member() if self.enter(node) else self.following(node)
        if self.position < len(self.text):
            raise syntax.unexpected(self.text, self.position, "Expected space separating root-level values")
        return Outline(root, self.repeated)

    def enter(self, node: Node) -> bool:
        """Read a scalar or an empty container, or open a container that has members; True if one was opened."""
        opening = self.text[self.position : self.position + 1]
        if opening not in syntax.CLOSING:
            self.scalar()
            return False
        node.members = {} if opening == "{" else []
        self.position += 1
        self.skip_blanks()
        if self.text.startswith(syntax.CLOSING[opening], self.position):
            self.position += 1
            return False
        if self.position == len(self.text):
            raise syntax.no_separator(self.text, self.position, node.start)
        self.open.append(node)
        self.steps.append(0)
        return True

    def following(self, node: Node) -> Node | None:
        """Finish a value and go to the next one, closing containers on the way; None at the end of the root."""
        while True:
            node.end = self.position
            self.skip_blanks()
            if not self.open:
                return None
            container = self.open[-1]
            if self.text.startswith(",", self.position):
                self.advance(container)
                return self.member()
            if not self.text.startswith(syntax.CLOSING[self.text[container.start]], self.position):
                raise syntax.no_separator(self.text, self.position, container.start)
            self.position += 1
            node = self.open.pop()
            self.steps.pop()

    def member(self) -> Node:
        """The node of the next member of the innermost container: after its key and colon, or the next item."""
        members = self.open[-1].members
        if isinstance(members, list):
            node = Node(self.position)
            self.steps[-1] = len(members)
            members.append(node)
            return node
        assert members is not None
        key_start = self.position
        key = self.key()
        key_end = self.position
        self.colon()
        node = Node(self.position, key_start, key_end)
        self.steps[-1] = key
        if key in members:
            self.repeated.append(("".join(f"/{escape_key(str(step))}" for step in self.steps), node))
        members[key] = node
        return node

    def key(self) -> str:
        start = self.position
        if not self.text.startswith('"', start):
            raise syntax.unexpected(self.text, start, "was expecting double-quote to start field name")
        self.string(" in field name")
        key: str = json.loads(self.text[start : self.position])
        return key

    def colon(self) -> None:
        container = self.open[-1]
        self.skip_blanks()
        self.refuse_end(container)
        if self.text[self.position] != ":":
            raise syntax.unexpected(self.text, self.position, "was expecting a colon to separate field name and value")
        self.advance(container)

    def advance(self, container: Node) -> None:
        """Skip a comma or colon and the whitespace after it; a token must follow."""
        self.position += 1
        self.skip_blanks()
        self.refuse_end(container)

    def scalar(self) -> None:
        text, start = self.text, self.position
        if text.startswith('"', start):
            self.string(": was expecting closing quote for a string value")
            return
        match = _LITERAL.match(text, start) or _NUMBER.match(text, start)
        if match is None:
            raise syntax.no_value(text, start)
        self.position = match.end()
        if _RUNS_ON.match(text, self.position):
            error = syntax.bad_number(text, start, self.position)
            if error is not None:
                raise error

    def string(self, where: str) -> None:
        match = _STRING.match(self.text, self.position)
        if match is None:
            raise syntax.bad_string(self.text, self.position, where)
        self.position = match.end()

    def skip_blanks(self) -> None:
        blanks = _BLANKS.match(self.text, self.position)
        assert blanks is not None
        self.position = blanks.end()
        if self.text.startswith("/", self.position):
            raise syntax.comment(self.text, self.position)

    def refuse_end(self, container: Node) -> None:
        if self.position == len(self.text):
            raise syntax.end_in_container(self.text, container.start)
