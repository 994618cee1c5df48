"""The items of a Map, and the input of each iteration.

JSONPath: ItemsPath finds the array in the effective input; ItemSelector (legacy: Parameters) makes each iteration's
input, with `$` the effective input and `$$.Map.Item.Index/.Value` the item. JSONata: Items is an array, or an
expression that gives one; without it, the state's input is the array. ItemSelector sees the item in
`$states.context.Map.Item`. A distributed Map accepts objects as well (ASL spec "Map State"; AWS guide "Map state").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from express.definition import messages
from express.errors import RUNTIME, EngineError, EvaluationFailed, PathNotFound
from express.expressions.jsonata import fields as queries
from express.expressions.jsonpath import Path, Root, build_path
from express.expressions.paths import invalid_path
from express.expressions.templates import Template, build_template
from express.payload import MANY_COPIES, outweighs, text_of
from express.states.flow import read_reference_field, read_template
from express.states.jsonata_fields import read_template_field
from express.states.sizes import UNKNOWN_SIZE, input_limit_exceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.definition.fields import Fields
    from express.program import Frame
    from express.types import JSON, Expr

    Values = Callable[[JSON, Frame], JSON]

#: `$$.Map.Item.Source` of items that come from the state's input.
STATE_DATA = "STATE_DATA"


@dataclass(slots=True)
class Items:
    """The fields as read: `source` finds the items (None: the input itself), `selector` makes the inputs of
    iterations."""

    source: Path | queries.Template | None
    selector: Template | queries.Template | None
    jsonata: bool

    def build_source(self, *, objects: bool) -> Values:
        """The array to iterate over, or with `objects` also an object. Raises EngineError for anything else."""
        types: tuple[type, ...] = (list, dict) if objects else (list,)
        if self.jsonata:
            return _build_queried(self.source, types)  # type: ignore[arg-type]
        return _build_selected(self.source, types)  # type: ignore[arg-type]

    def build_selector(self) -> Expr | None:
        """`selector(data, frame)`: the input of the iteration whose item is in `frame.item`."""
        if self.selector is None:
            return None
        if isinstance(self.selector, Template):
            return _bounded(build_template(self.selector), self.selector.copies)
        template = queries.build_template(self.selector)
        return _bounded(lambda data, scope: template({"input": data}, scope), queries.copies_of_template(self.selector))

    def size_of_items(self, size: int) -> int:
        """Upper bound of the bytes of an iteration's input, from the size of the effective input."""
        if self.selector is not None:
            return UNKNOWN_SIZE
        if isinstance(self.source, Path):
            return size if self.source.root is Root.DATA else UNKNOWN_SIZE
        if self.source is None:
            return size
        growth = queries.growth_of_template(self.source)
        return UNKNOWN_SIZE if growth is None else growth.input * size + growth.constant


def _bounded(selector: Expr, copies: int) -> Expr:
    """`selector`, with a size check if its result may contain all of the data many times (`copies`). The error that
    AWS raises for an excessive result is recorded nowhere."""
    if copies <= MANY_COPIES:
        return selector

    def bounded(data: JSON, scope: Any) -> JSON:
        selected = selector(data, scope)
        if outweighs(selected, scope.run.host.payload_limit):
            raise input_limit_exceeded(scope.step.name)
        return selected

    return bounded


def read_items(fields: Fields, *, distributed: bool) -> Items:
    if fields.is_jsonata:
        return _read_queried_items(fields, distributed=distributed)
    source = read_reference_field(fields, "ItemsPath")
    name = fields.exclusive("ItemSelector", "Parameters")
    return Items(source, None if name is None else read_template(fields, name), jsonata=False)


def _read_queried_items(fields: Fields, *, distributed: bool) -> Items:
    source = read_template_field(fields, "Items")
    literal = fields.json("Items", [])
    right = isinstance(literal, dict | list if distributed else list)
    if not right and not isinstance(source, queries.Query) and not queries.is_query(literal):
        fields.report("Items", messages.expected_type("ARRAY"))
    return Items(source, read_template_field(fields, "ItemSelector"), jsonata=True)


def _build_selected(path: Path | None, types: tuple[type, ...]) -> Values:
    lookup = build_path(path) if path is not None else None
    shown = path.text.replace("$$", "$", 1) if path is not None else "$"

    def items_of(data: JSON, frame: Frame) -> JSON:
        if lookup is not None:
            try:
                data = lookup(data, frame)
            except PathNotFound as error:
                raise invalid_path(error) from None
        if not isinstance(data, types):
            raise EngineError(RUNTIME, f'Reference path "{shown}" must point to array.')
        return data

    return items_of


def _build_queried(source: queries.Template | None, types: tuple[type, ...]) -> Values:
    if source is None:
        return _build_input(types)
    items = queries.build_template(source)

    def items_of(data: JSON, frame: Frame) -> JSON:
        found = items({"input": data}, frame)
        if not isinstance(found, types):
            assert isinstance(source, queries.Query)
            raise queries.unexpected_type(source, "array", found)
        return found

    return items_of


def _build_input(types: tuple[type, ...]) -> Values:
    def items_of(data: JSON, frame: Frame) -> JSON:
        if not isinstance(data, types):
            raise EvaluationFailed(f"Map state input must be an array but was: {text_of(data)}", "Items")
        return data

    return items_of


def select_item(
    selector: Expr,
    data: JSON,
    parent: Frame,
    index: int,
    item: JSON,
    key: str | None = None,
    source: str = STATE_DATA,
) -> JSON:
    """Apply ItemSelector to one item, the only place where `$$.Map.Item` exists. `key`: the member's key if the items
    are an object; `item` is then its value (AWS guide "Accessing execution data from the Context object")."""
    if key is None:
        parent.item = {"Index": index, "Value": item, "Source": source}
    else:
        parent.item = {"Index": index, "Key": key, "Value": item, "Source": source}
    try:
        selected = selector(data, parent)
    finally:
        parent.item = None
    if parent.deferral is not None and not parent.deferral.is_patient:
        # Deferred answers for this item must not be used for the next.
        parent.deferral.forget()
    return selected


def select_items(selector: Expr, data: JSON, parent: Frame, items: JSON, source: str) -> list[JSON]:
    """Apply ItemSelector to all items; those of an object are its members."""
    if isinstance(items, dict):
        members = enumerate(items.items())
        return [select_item(selector, data, parent, index, value, key, source) for index, (key, value) in members]
    return [select_item(selector, data, parent, index, item, None, source) for index, item in enumerate(items)]
