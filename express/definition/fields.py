"""One JSON object of a definition, read field by field.

A reader asks for the fields it knows and gets values of the requested type. A wrong value becomes a Problem at its
place and the reader gets a harmless default, so that one pass finds every mistake. The object records the requested
names: on `close`, every other field is reported as unsupported, and the requested names that are absent serve as
spelling suggestions.

`Comment` is allowed in every object (ASL spec, "Comments"). A field that belongs to the other query language only is
not supported either, but gets a message of its own that says so.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from express.definition import messages
from express.definition.pointer import escape_key, render_location
from express.definition.problems import SCHEMA_VALIDATION_FAILED, TOO_DEEPLY_NESTED
from express.foreign import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from express.definition.document import Document
    from express.types import JSON, Severity

Number = TypeVar("Number", int, float)


class _Missing(Enum):
    MISSING = "MISSING"


#: The result of `Fields.json` for an absent field; null is a value like any other.
MISSING: Final = _Missing.MISSING

#: The query languages, by their names in a definition.
JSONPATH: Final = "JSONPath"
JSONATA: Final = "JSONata"

#: Fields that only one query language has, by the field that holds the object: a state, a catcher, a Choice rule.
_FIELDS_OF: Final = {
    JSONATA: {
        "States": ("Arguments", "Output", "Items"),
        "Catch": ("Output",),
        "Choices": ("Condition", "Output"),
        "And": ("Condition",),
        "Or": ("Condition",),
        "Not": ("Condition",),
        "ItemReader": ("Arguments",),
        "ResultWriter": ("Arguments",),
    },
    JSONPATH: {
        "States": (
            "InputPath",
            "OutputPath",
            "ResultPath",
            "Parameters",
            "ResultSelector",
            "Result",
            "ItemsPath",
            "TimeoutSecondsPath",
            "HeartbeatSecondsPath",
            "SecondsPath",
            "TimestampPath",
            "MaxConcurrencyPath",
            "ToleratedFailurePercentagePath",
            "ToleratedFailureCountPath",
            "ErrorPath",
            "CausePath",
        ),
        "Catch": ("ResultPath",),
        "Choices": ("Variable", "And", "Or", "Not"),
        "ItemReader": ("Parameters",),
        "ReaderConfig": ("MaxItemsPath",),
        "ItemBatcher": ("MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath"),
        "ResultWriter": ("Parameters",),
    },
}
_OTHER: Final = {JSONPATH: JSONATA, JSONATA: JSONPATH}


class Fields:
    """One object of a definition: where it stands, its value, and the methods that read its fields."""

    __slots__ = ("_asked", "_kept_in", "_refused", "_state", "document", "pointer", "query_language", "value")

    def __init__(self, document: Document, pointer: str, value: dict[str, JSON], kept_in: str = "") -> None:
        self.document = document
        self.pointer = pointer
        self.value = value
        #: Query language of the state that this object is or belongs to.
        self.query_language = JSONPATH
        self._state = ""
        self._kept_in = kept_in
        self._asked: dict[str, None] = {"Comment": None}
        self._refused: set[str] = set()

    @property
    def is_jsonata(self) -> bool:
        return self.query_language == JSONATA

    def begin_state(self, query_language: str) -> None:
        """Mark the object as a state in this query language; objects entered from it inherit both."""
        self.query_language = query_language
        self._state = self.pointer

    def place(self, name: str) -> str:
        """The path of a field within its state, as AWS writes it: `Choices[0]/Condition`."""
        value = self.document.value
        return render_location(self.child(name), value)[len(render_location(self._state, value)) + 1 :]

    def has(self, name: str) -> bool:
        """Whether the field is present, null or not; does not mark it as requested."""
        return name in self.value

    def child(self, name: str) -> str:
        """The pointer (RFC 6901) to a field, present or not."""
        return f"{self.pointer}/{escape_key(name)}"

    def json(self, name: str, default: JSON = MISSING) -> JSON:
        """Any JSON value."""
        self._asked[name] = None
        return self.value.get(name, default)

    def payload(self, name: str) -> JSON | Literal[_Missing.MISSING]:
        """Any value that fits into a payload; one nested too deeply is reported and treated as absent."""
        value = self.json(name)
        excess = _below_depth(value, MAX_DEPTH)
        if excess is None:
            return value
        pointer = self.child(name)
        self.report(name, messages.value_too_deep(MAX_DEPTH), code=TOO_DEEPLY_NESTED, at=pointer + excess)
        return MISSING

    def text(
        self,
        name: str,
        *,
        required: bool = False,
        default: str | None = None,
        max_length: int | None = None,
        allow_null: bool = False,
    ) -> str | None:
        """A string; None for null where null is allowed."""
        value = self._take(name, required)
        if value is MISSING:
            return default
        if value is None and allow_null:
            return None
        if not isinstance(value, str):
            self.report(name, messages.expected_type("STRING"))
            return default
        if max_length is not None and len(value) > max_length:
            self.report(name, messages.too_long(max_length))
        return value

    def integer(
        self,
        name: str,
        *,
        default: int | None = None,
        minimum: int | None = None,
        maximum: int | None = None,
        required: bool = False,
    ) -> int | None:
        """A whole number written without a fraction (AWS refuses `3.0`)."""
        value = self._take(name, required)
        if value is MISSING:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            self.report(name, messages.expected_number("Integer"))
            return default
        return value if self._in_range(name, value, minimum, maximum) else default

    def number(
        self,
        name: str,
        *,
        default: float | None = None,
        minimum: float | None = None,
        maximum: float | None = None,
        required: bool = False,
    ) -> float | None:
        """Any number; the messages print limits as doubles (`Minimum value is 1.0`)."""
        value = self._take(name, required)
        if value is MISSING:
            return default
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.report(name, messages.expected_number("Double"))
            return default
        lowest = None if minimum is None else float(minimum)
        highest = None if maximum is None else float(maximum)
        return value if self._in_range(name, value, lowest, highest) else default

    def _in_range(self, name: str, value: Number, minimum: Number | None, maximum: Number | None) -> bool:
        if minimum is not None and value < minimum:
            self.report(name, messages.minimum(minimum))
            return False
        if maximum is not None and value > maximum:
            self.report(name, messages.maximum(maximum))
            return False
        return True

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self._take(name, False)
        if isinstance(value, bool):
            return value
        if value is not MISSING:
            self.report(name, messages.expected_type("BOOLEAN"))
        return default

    def one_of(
        self, name: str, allowed: Sequence[str], default: str | None = None, required: bool = False
    ) -> str | None:
        """One of a few strings, case-sensitive."""
        value = self.text(name, required=required)
        if value is None or value in allowed:
            return default if value is None else value
        self.report(name, messages.allowed_values(allowed), suggestion=self.document.did_you_mean(value, allowed))
        return default

    def object(self, name: str, required: bool = False) -> Fields | None:
        """An object, to be read and closed by the caller."""
        value = self._take(name, required)
        return None if value is MISSING else self._enter(self.child(name), value, name)

    def objects(self, name: str, *, required: bool = False, allow_empty: bool = True) -> list[Fields]:
        """An array of objects; items of another type are reported and left out."""
        items = self._array(name, required, allow_empty)
        entered = (self._enter(f"{self.child(name)}/{index}", item, name) for index, item in enumerate(items))
        return [item for item in entered if item is not None]

    def texts(self, name: str, *, required: bool = False, allow_empty: bool = True) -> list[str]:
        """An array of strings; items of another type are reported and left out."""
        texts = []
        for index, item in enumerate(self._array(name, required, allow_empty)):
            if isinstance(item, str):
                texts.append(item)
            else:
                self._report_at(f"{self.child(name)}/{index}", messages.expected_type("STRING"))
        return texts

    def items(self) -> Iterator[tuple[str, Fields]]:
        """Every member of an object of objects, such as `States`, in source order."""
        holder = self.pointer.rpartition("/")[2]
        for name, value in self.value.items():
            self._asked[name] = None
            member = self._enter(self.child(name), value, holder)
            if member is not None:
                yield name, member

    def exclusive(self, *names: str, required: bool = False) -> str | None:
        """The one of these fields that is present: at most one is allowed, exactly one with `required`.

        If several are present they are reported, and the first in argument order is returned.
        """
        for name in names:
            self._asked[name] = None
        present = [name for name in names if name in self.value]
        if len(present) > 1:
            self.report(None, messages.only_one_of(names), at=self.child(present[1]), on_key=True)
        elif required and not present:
            self.report(None, messages.exactly_one_of(names))
        return present[0] if present else None

    def require(self, *names: str) -> bool:
        """Report all absent fields of these as one problem; True if none is absent."""
        missing = [name for name in names if name not in self.value]
        if missing:
            self.report(None, messages.required(missing))
        return not missing

    def forbid(self, name: str, message: str) -> bool:
        """Report a field that is not allowed here, located at the object, as AWS does. True if it was present."""
        if name not in self.value or name in self._refused:
            return False
        self._refused.add(name)
        self.report(None, message, at=self.child(name), on_key=True)
        return True

    def close(self) -> None:
        """Report every field that was never requested, with a suggestion, and a Comment that is not a string."""
        self.text("Comment")
        language, other = self.query_language, _OTHER[self.query_language]
        for name in _FIELDS_OF[other].get(self._kept_in, ()):
            self.forbid(name, messages.other_query_language(name, language=language, needed=other))
        for name in self.value:
            if name not in self._asked and name not in self._refused:
                unused = [field for field in self._asked if field not in self.value]
                suggestion = self.document.did_you_mean(name, unused)
                message = messages.unsupported_field(name)
                self.report(None, message, at=self.child(name), on_key=True, suggestion=suggestion)

    def report(
        self,
        name: str | None,
        message: str,
        *,
        code: str = SCHEMA_VALIDATION_FAILED,
        at: str | None = None,
        on_key: bool = False,
        offset: int = 0,
        length: int = 0,
        suggestion: str | None = None,
        severity: Severity = "ERROR",
    ) -> None:
        """Record a problem at a field, or at the object if `name` is None; the rest is as in `Document.report`."""
        self.document.report(
            code,
            message,
            self.pointer if name is None else self.child(name),
            at=at,
            on_key=on_key,
            offset=offset,
            length=length,
            severity=severity,
            suggestion=suggestion,
        )

    def _take(self, name: str, required: bool) -> JSON | Literal[_Missing.MISSING]:
        value = self.json(name)
        if value is MISSING and required:
            self.report(None, messages.required([name]))
        return value

    def _array(self, name: str, required: bool, allow_empty: bool) -> list[JSON]:
        value = self._take(name, required)
        if value is MISSING:
            return []
        if not isinstance(value, list):
            self.report(name, messages.expected_type("ARRAY"))
            return []
        if not value and not allow_empty:
            self.report(name, messages.EMPTY)
        return value

    def _enter(self, pointer: str, value: JSON, kept_in: str) -> Fields | None:
        if isinstance(value, dict):
            fields = Fields(self.document, pointer, value, kept_in)
            fields.query_language, fields._state = self.query_language, self._state
            return fields
        self._report_at(pointer, messages.expected_type("OBJECT"))
        return None

    def _report_at(self, pointer: str, message: str) -> None:
        self.document.report(SCHEMA_VALIDATION_FAILED, message, pointer)


def _below_depth(value: JSON, depth: int) -> str | None:
    """The JSON pointer, relative to the value, of a non-empty container nested `depth` levels down, or None."""
    level: list[tuple[str, JSON]] = [("", value)]
    for _ in range(depth):
        level = [
            (f"{pointer}/{step}", member)
            for pointer, container in level
            for step, member in _steps_into(container)
            if isinstance(member, dict | list)
        ]
        if not level:
            return None
    return next((pointer for pointer, container in level if container), None)


def _steps_into(container: JSON) -> Iterable[tuple[str, JSON]]:
    if isinstance(container, dict):
        return ((escape_key(key), member) for key, member in container.items())
    return ((str(index), member) for index, member in enumerate(container)) if isinstance(container, list) else ()
