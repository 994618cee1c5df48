"""Signatures of functions: `<s-nn?:s>` compiled to a check that also completes the arguments.

A signature (JSONata docs, "Function signatures") says which kinds of values a function takes. jsonata-js turns it
into a regular expression over the arguments' kinds, one letter each, and so does this module, because what an
optional parameter gets when a later one could have taken the same argument is decided by backtracking. Besides
refusing arguments the check completes them: the context item stands in for a missing one marked `-`, a single value
where an array is wanted becomes an array.

The common case never gets there. Arguments that are in order, each of a type its parameter takes as it is, are
recognised by their Python types; the compiler writes that test inline (`Parameter.plain`, `Signature.required`) and
calls `validate` for the rest.
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

#: The letter of every kind of value; anything UNDEFINED is `m` (missing) and fits nearly everywhere.
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
#: The letters each symbol of a signature admits. An array parameter admits all: it wraps what is no array.
_ADMITTED: Final[dict[str, str]] = {
    **{kind: kind + "m" for kind in "snblo"},
    "a": "asnblfom",
    "f": "f",
    "j": "asnblom",
    "x": "asnblfom",
}
#: How T0412 names the items of an array.
_PLURALS: Final = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}
#: Quantifiers that make a parameter take one argument at the most, and the first it can.
_SINGLE: Final = frozenset(("", "?"))
_QUANTIFIERS: Final = frozenset(("", "?", "+", "??", "+?"))


@dataclass(slots=True)
class Parameter:
    """One parameter of a signature.

    `kind` is its symbol, or the choice with its parentheses. `letters` are the kinds it admits. `quantifier` is empty,
    `?` (may be missing) or `+` (one or more), or one of these followed by `?` where `-` is added. `context`: the
    context item stands in when it is missing; `any_context`: of whatever kind, which is so where `?` stands before
    `-`. `items`: what stands between `<` and `>`, of which the first symbol counts, or None.
    """

    kind: str
    letters: str
    quantifier: str = ""
    context: bool = False
    any_context: bool = False
    items: str | None = None

    #: The exact types of values it takes as they are. Others may be fine too but have to be looked at.
    plain: frozenset[type] = field(default=frozenset(), init=False)

    def take_context(self) -> None:
        """A `-` has been read."""
        self.any_context = self.quantifier.startswith("?")
        self.context = True
        self.quantifier += "?"

    def settle(self) -> None:
        """Work out what follows from the rest, once the whole parameter is read."""
        if self.kind == "a":
            self.plain = frozenset((list, Undefined) if self.items is None else (Undefined,))
        else:
            self.plain = frozenset(kind for kind, letter in _LETTERS.items() if letter in self.letters)


@final
class Signature:
    """A compiled signature. `text` is the source, `required` how many arguments there must be at least.

    `plain`: no parameter repeats, so that between `required` and `len(parameters)` arguments are one for each of the
    first parameters, provided each is of a `Parameter.plain` type.
    """

    __slots__ = ("_pattern", "parameters", "plain", "required", "text")

    def __init__(self, text: str, parameters: tuple[Parameter, ...], pattern: re.Pattern[str]) -> None:
        self.text = text
        self.parameters = parameters
        self.plain = all(parameter.quantifier in _SINGLE for parameter in parameters)
        #: Up to the last parameter that must be there or has to be taken from the context.
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
            # As in jsonata-js, a parameter that takes nothing still uses up an argument.
            for letter in taken or "m":
                argument = arguments[position] if position < len(arguments) else UNDEFINED
                wraps = taken and parameter.kind == "a"
                completed.append(_as_array(argument, parameter, letter, taken, position) if wraps else argument)
                position += 1
        return completed

    def _mismatch(self, arguments: Sequence[Value], letters: str) -> JSONataError:
        """T0410 for the first argument that its parameter does not take, counted as jsonata-js does."""
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
    """The signature letter of a value's kind; `m` for UNDEFINED."""
    return _letter_of_type(type(value))


def _letter_of_type(kind: type) -> str:
    return _LETTERS.get(kind) or ("f" if issubclass(kind, Function) else "o")


@lru_cache(maxsize=512)
def compile_signature(text: str, position: int | None = None) -> Signature:
    """The signature `<...>` compiled; `position` is its place in the expression, for errors.

    Raises JSONataError S0401 (a type parameter of what is neither array nor function), S0402 (a choice with type
    parameters) and S0201 (quantifiers that make no sense together). What comes behind `:` is not looked at, and
    unknown symbols are passed over, as in jsonata-js.
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
    """Where a mistake in a signature is, counted as jsonata-js does: `position` is just behind its `<`."""
    return None if position is None else position + offset


def _bracketed(text: str, start: int, closing: str) -> tuple[int, str]:
    """Where the bracket opened at `start` is closed (or the end of the text), and what stands between."""
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
    """An argument of an array parameter: an array with the right items, made from a single value if need be."""
    if letter == "m":
        return UNDEFINED
    items = parameter.items
    if items is not None and not (_items_fit(argument, items) if letter == "a" else taken == items):
        raise JSONataError("T0412", index=position + 1, value=argument, type=_PLURALS.get(items, UNDEFINED))
    return argument if letter == "a" or argument is UNDEFINED else [argument]


def _items_fit(items: Value, wanted: str) -> bool:
    return type(items) is list and {_letter_of_type(kind) for kind in set(map(type, items))} <= {wanted[:1]}
