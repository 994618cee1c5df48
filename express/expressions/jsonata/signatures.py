"""Function signatures: `<s-nn?:s>` compiled to a check that also completes the arguments.

A signature (JSONata docs, "Function signatures") declares the types of the arguments. jsonata-js turns it into a
regular expression over the arguments' types, one letter each, and so does this module, because backtracking decides
which argument an optional parameter gets when a later one could have taken the same. The check also completes the
arguments: the context item replaces a missing one marked `-`, a single value becomes an array where one is required.

The common case skips it: arguments of types that their parameters accept unchanged are recognised by their Python
types. The compiler writes that test inline (`Parameter.plain`, `Signature.required`) and calls `validate` otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Final, final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.values import UNDEFINED, Function, Undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.expressions.jsonata.values import Value

#: The letter of every type of value; anything UNDEFINED is `m` (missing) and fits nearly everywhere.
_LETTERS: Final[dict[type, str]] = {
    str: "s",
    int: "n",
    float: "n",
    bool: "b",
    NoneType: "l",
    list: "a",
    dict: "o",
    Function: "f",
    Undefined: "m",
}
#: The letters each symbol of a signature admits. An array parameter admits all: it wraps a single value.
_ADMITTED: Final[dict[str, str]] = {
    **{kind: kind + "m" for kind in "snblo"},
    "a": "asnblfom",
    "f": "f",
    "j": "asnblom",
    "x": "asnblfom",
}
#: How T0412 names the items of an array.
_PLURALS: Final = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}
#: Quantifiers of a parameter that takes at most one argument, and takes it greedily.
_SINGLE: Final = frozenset(("", "?"))
_QUANTIFIERS: Final = frozenset(("", "?", "+", "??", "+?"))


@dataclass(slots=True)
class Parameter:
    """One parameter of a signature.

    `kind` is its symbol, or the choice with its parentheses. `letters` are the types it admits. `quantifier` is
    empty, `?` (optional) or `+` (one or more), or one of these followed by `?` where `-` is added. `context`: the
    context item replaces a missing argument; `any_context`: whatever its type, which applies where `?` precedes `-`.
    `items`: the text between `<` and `>`, whose first symbol counts, or None.
    """

    kind: str
    letters: str
    quantifier: str = ""
    context: bool = False
    any_context: bool = False
    items: str | None = None

    #: The exact types of values accepted unchanged. Others may be accepted too but need `validate`.
    plain: frozenset[type] = field(default=frozenset(), init=False)

    def take_context(self) -> None:
        """Apply a `-` that has been read."""
        self.any_context = self.quantifier.startswith("?")
        self.context = True
        self.quantifier += "?"

    def settle(self) -> None:
        """Derive the dependent fields, after the whole parameter has been read."""
        if self.kind == "a":
            self.plain = frozenset((list, Undefined) if self.items is None else (Undefined,))
        else:
            self.plain = frozenset(kind for kind, letter in _LETTERS.items() if letter in self.letters)


@final
class Signature:
    """A compiled signature. `text` is the source, `required` the minimum number of arguments.

    `plain`: no parameter repeats, so that arguments whose number is between `required` and `len(parameters)`
    correspond to the first parameters one by one, provided each is of a `Parameter.plain` type.
    """

    __slots__ = ("_pattern", "parameters", "plain", "required", "text")

    def __init__(self, text: str, parameters: tuple[Parameter, ...], pattern: re.Pattern[str]) -> None:
        self.text = text
        self.parameters = parameters
        self.plain = all(parameter.quantifier in _SINGLE for parameter in parameters)
        #: Up to the last parameter that is mandatory or taken from the context.
        self.required = max(
            (
                number
                for number, parameter in enumerate(parameters, 1)
                if parameter.context or not parameter.quantifier.startswith("?")
            ),
            default=0,
        )
        self._pattern = pattern

    def validate(self, arguments: Sequence[Value], context: Value) -> list[Value]:
        """The arguments completed: at least one value for each parameter, UNDEFINED where nothing was given.

        Raises JSONataError T0410 (an argument of the wrong kind, or one too many), T0411 (the context item is of the
        wrong kind) or T0412 (an array with items of the wrong kind), with `index` and `value` of the culprit.
        """
        parameters = self.parameters
        if self.plain and self.required <= len(arguments) <= len(parameters):
            for argument, parameter in zip(arguments, parameters, strict=False):
                if type(argument) not in parameter.plain:
                    break
            else:
                return [*arguments, *[UNDEFINED] * (len(parameters) - len(arguments))]
        return self._complete(arguments, context)

    def _complete(self, arguments: Sequence[Value], context: Value) -> list[Value]:
        letters = "".join(map(letter_of, arguments))
        match = self._pattern.fullmatch(letters)
        if match is None:
            raise self._mismatch(arguments, letters)
        completed: list[Value] = []
        position = 0
        for parameter, taken in zip(self.parameters, match.groups(), strict=True):
            if not taken and parameter.context:
                completed.append(_from_context(parameter, context, position))
                continue
            # As in jsonata-js, a parameter that takes nothing still consumes an argument.
            for letter in taken or "m":
                argument = arguments[position] if position < len(arguments) else UNDEFINED
                wraps = taken and parameter.kind == "a"
                completed.append(_as_array(argument, parameter, letter, taken, position) if wraps else argument)
                position += 1
        return completed

    def _mismatch(self, arguments: Sequence[Value], letters: str) -> JSONataError:
        """T0410 for the first argument that its parameter rejects, counted as jsonata-js does."""
        culprit = 0
        pattern = ""
        for parameter in self.parameters:
            pattern += _pattern_of(parameter)
            match = re.match(pattern, letters)
            if match is None:
                break
            culprit = match.end()
        value = arguments[culprit] if culprit < len(arguments) else UNDEFINED
        return JSONataError("T0410", index=culprit + 1, value=value)


def letter_of(value: Value) -> str:
    """The signature letter of a value's type; `m` for UNDEFINED."""
    return _letter_of_type(type(value))


def _letter_of_type(kind: type) -> str:
    return _LETTERS.get(kind) or ("f" if issubclass(kind, Function) else "o")


@lru_cache(maxsize=512)
def compile_signature(text: str, position: int | None = None) -> Signature:
    """Compile the signature `<...>`; `position` is its place in the expression, for errors.

    Raises JSONataError S0401 (a type parameter on a type other than array and function), S0402 (a choice with type
    parameters) and S0201 (quantifiers that do not combine). The part after `:` is ignored, and unknown symbols are
    skipped, as in jsonata-js.
    """
    parameters = tuple(_read_parameters(text, position))
    for parameter in parameters:
        if parameter.quantifier not in _QUANTIFIERS:
            raise JSONataError("S0201", position, token=text)
        parameter.settle()
    return Signature(text, parameters, re.compile("".join(f"({_pattern_of(parameter)})" for parameter in parameters)))


def _read_parameters(text: str, position: int | None) -> list[Parameter]:
    parameters: list[Parameter] = []
    offset = 1
    while offset < len(text) and text[offset] != ":":
        symbol = text[offset]
        if symbol in _ADMITTED:
            parameters.append(Parameter(symbol, _ADMITTED[symbol]))
        elif symbol == "(":
            end, choice = _bracketed(text, offset, ")")
            if "<" in choice:
                raise JSONataError("S0402", _place(position, offset), value=choice)
            parameters.append(Parameter(f"({choice})", "".join(sorted({*choice} & {*"asnblfo"})) + "m"))
            offset = end
        elif symbol == "<":
            if not parameters or parameters[-1].kind not in ("a", "f"):
                kind = parameters[-1].kind if parameters else None
                raise JSONataError("S0401", _place(position, offset), value=kind)
            offset, parameters[-1].items = _bracketed(text, offset, ">")
        elif parameters and symbol in "-?+":
            if symbol == "-":
                parameters[-1].take_context()
            else:
                parameters[-1].quantifier += symbol
        offset += 1
    return parameters


def _place(position: int | None, offset: int) -> int | None:
    """The place of a mistake in a signature, counted as in jsonata-js: `position` is directly after its `<`."""
    return None if position is None else position + offset


def _bracketed(text: str, start: int, closing: str) -> tuple[int, str]:
    """The position where the bracket opened at `start` closes (or the end of the text), and the text inside."""
    opening = text[start]
    depth = 0
    for offset in range(start, len(text)):
        if text[offset] == opening:
            depth += 1
        elif text[offset] == closing:
            depth -= 1
            if depth == 0:
                return offset, text[start + 1 : offset]
    return len(text), text[start + 1 :]


def _pattern_of(parameter: Parameter) -> str:
    return f"[{parameter.letters}]{parameter.quantifier}"


def _from_context(parameter: Parameter, context: Value, position: int) -> Value:
    if parameter.any_context or letter_of(context) in parameter.letters:
        return context
    raise JSONataError("T0411", index=position + 1, value=context)


def _as_array(argument: Value, parameter: Parameter, letter: str, taken: str, position: int) -> Value:
    """An argument of an array parameter: an array of the right items, wrapping a single value if necessary."""
    if letter == "m":
        return UNDEFINED
    items = parameter.items
    if items is not None and not (_items_fit(argument, items) if letter == "a" else taken == items):
        raise JSONataError("T0412", index=position + 1, value=argument, type=_PLURALS.get(items, UNDEFINED))
    return argument if letter == "a" or argument is UNDEFINED else [argument]


def _items_fit(items: Value, wanted: str) -> bool:
    return type(items) is list and {_letter_of_type(kind) for kind in set(map(type, items))} <= {wanted[:1]}
