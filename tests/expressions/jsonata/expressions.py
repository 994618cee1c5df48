"""Random JSONata expressions as a state machine has them: rooted in `$states` and in variables, with no context item.

They are made from a seed, so that a failure can be had again, and deliberately odd: operators get operands of every
type, functions get too few or too many arguments, paths lead nowhere. What they are run on is in DOCUMENT and
VARIABLES. Names are never digits: JavaScript sorts such keys to the front. No function is called without arguments:
in some lambdas jsonata-js takes null for the missing context item. No array in an array is empty: jsonata-js may put
an item into it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

DOCUMENT: dict[str, JSON] = {
    "id": "order-1",
    "n": 3,
    "half": 2.5,
    "flag": True,
    "none": None,
    "text": "Hello, World",
    "list": [3, 1, 2],
    "words": ["b", "a", "c", "a"],
    "empty": [],
    "nothing": {},
    "mixed": [1, "a", None, True, [2, 3], {"k": 4}],
    "nested": [[1, 2], [3, [4, 5]], [6]],
    "one": [{"q": 1}],
    "some": [{"q": 1}, {"arr": [4]}, {"q": [5, 6]}],
    "items": [
        {"sku": "a", "qty": 2, "price": 10.5, "tags": ["x", "y"], "dim": {"w": 1, "h": 2}},
        {"sku": "b", "qty": 1, "price": 20, "tags": ["y"], "dim": {"w": 3, "h": 4}},
        {"sku": "c", "qty": 5, "price": 1.25, "tags": [], "dim": {"w": 1}},
    ],
    "customer": {"name": "Ann", "address": {"city": "Bonn", "lines": ["one", "two"]}, "vip": False},
}
VARIABLES: dict[str, JSON] = {
    "a": 7,
    "b": "seven",
    "c": [1, 2, 3, 4],
    "d": {"sku": "b", "deep": {"er": [{"x": 1}, {"x": 2}]}},
    "e": [],
    "f": None,
}

_NAMES = ("id", "n", "text", "list", "items", "sku", "qty", "price", "tags", "dim", "w", "customer", "q", "arr", "gone")
_ITEM_NAMES = ("sku", "qty", "price", "tags", "dim", "gone")
_WORDS = ("", "a", "b", "Hello", "x y", "ÄÖ", "3", "-1.5", "2024-01-01", "o")
_NUMBERS = ("0", "1", "2", "3", "-1", "-2", "0.5", "1.5", "10", "1e3", "100")

#: Functions by the number of arguments they may get.
_FUNCTION_NAMES = {
    1: "sum count max min average string number boolean not exists abs floor ceil round sqrt uppercase lowercase trim "
    "length keys reverse distinct spread merge sort type base64encode encodeUrlComponent each sift",
    2: "append join contains split substring substringBefore substringAfter lookup power round pad formatBase "
    "string map filter zip match sort each sift single reduce",
    3: "substring replace pad reduce split join",
}
_FUNCTIONS = {count: names.split() for count, names in _FUNCTION_NAMES.items()}
#: Functions whose second argument is a function.
_CALLERS = ("map", "filter", "each", "sift", "single", "sort", "reduce")


class Expressions:
    """Makes one random expression after another."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.locals: list[str] = []

    def next(self) -> str:
        self.locals = []
        return self.expression(4)

    def expression(self, depth: int) -> str:
        if depth <= 0:
            return self.leaf()
        kinds: tuple[Callable[[int], str], ...] = (
            self.path, self.path, self.path, self.arithmetic, self.comparison, self.logic, self.concatenation,
            self.array, self.object, self.condition, self.block, self.call, self.call, self.call, self.higher_order,
            self.higher_order, self.chain, self.ordering, self.grouping, self.joining, self.transform, self.leaf_of,
            self.filtered, self.partial, self.matching, self.parents, self.joining,
        )  # fmt: skip
        return self.random.choice(kinds)(depth - 1)

    def leaf_of(self, depth: int) -> str:
        return self.leaf()

    def leaf(self) -> str:
        pick = self.random.random()
        if self.locals and pick < 0.3:
            return f"${self.random.choice(self.locals)}"
        if pick < 0.5:
            return self.root()
        if pick < 0.65:
            return self.random.choice(_NUMBERS)
        if pick < 0.8:
            return self.word()
        return self.random.choice(("true", "false", "null", "[]", "{}", "$gone", "[1..3]", "''"))

    def root(self) -> str:
        if self.random.random() < 0.4:
            return f"${self.random.choice(tuple(VARIABLES))}"
        return f"$states.input.{self.random.choice(tuple(DOCUMENT))}"

    def word(self) -> str:
        return f"'{self.random.choice(_WORDS)}'"

    # paths ------------------------------------------------------------------------------------------------------

    def path(self, depth: int) -> str:
        steps = [self.random.choice((self.root, self.root, self.root, lambda: f"({self.expression(depth)})"))()]
        for _ in range(self.random.randint(0, 3)):
            steps.append(self.step(depth))
        return ".".join(steps) + self.random.choice(("", "", "", "", "[]"))

    def step(self, depth: int) -> str:
        kinds = (
            lambda: self.random.choice(_NAMES),
            lambda: self.random.choice(_NAMES),
            lambda: self.random.choice(_NAMES) + self.predicate(depth),
            lambda: self.random.choice(_NAMES) + self.predicate(depth),
            lambda: self.random.choice(("*", "**", "$", "`sku`")),
            lambda: f"({self.inner(depth)})",
            lambda: f"{{'k': {self.inner(depth)}}}",
            lambda: f"[{self.inner(depth)}]",
            lambda: f"$string({self.random.choice(_NAMES)})",
        )
        return self.random.choice(kinds)()

    def predicate(self, depth: int) -> str:
        kinds = (
            lambda: self.random.choice(("0", "1", "-1", "1.7", "99")),
            lambda: f"{self.random.choice(_ITEM_NAMES)} {self.operator()} {self.leaf()}",
            lambda: f"$ {self.operator()} {self.leaf()}",
            lambda: self.random.choice(_ITEM_NAMES),
            lambda: "[0, 1]",
            lambda: "[0..1]",
            lambda: self.inner(depth),
        )
        return f"[{self.random.choice(kinds)()}]"

    def filtered(self, depth: int) -> str:
        """Filters in a row, on what is no step of a path."""
        predicates = "".join(self.predicate(depth) for _ in range(self.random.randint(1, 2)))
        return self.random.choice((self.root(), f"({self.root()})")) + predicates + self.random.choice(("", "", "[]"))

    def parents(self, depth: int) -> str:
        start = self.random.choice(("items", "(items)", "(items.dim)", "items.tags", "items.(dim)", "customer.address"))
        end = self.random.choice(("%", "%.sku", "%.%.n", "{'p': %}", "[%]", "(%)", f"({self.inner(depth)})"))
        return f"$states.input.{start}{self.random.choice(('', '', self.predicate(depth)))}.{end}"

    def inner(self, depth: int) -> str:
        """An expression on an item."""
        kinds = (
            lambda: self.random.choice(_ITEM_NAMES),
            lambda: f"{self.random.choice(_ITEM_NAMES)} {self.random.choice('+-*&')} {self.leaf()}",
            lambda: f"$sum({self.random.choice(_ITEM_NAMES)})",
            lambda: f"$.{self.random.choice(_ITEM_NAMES)}",
            lambda: f"%.{self.random.choice(_NAMES)}",
            lambda: self.expression(depth - 2),
        )
        return self.random.choice(kinds)()

    # operators --------------------------------------------------------------------------------------------------

    def operator(self) -> str:
        return self.random.choice(("=", "!=", "<", "<=", ">", ">=", "in"))

    def operand(self, depth: int) -> str:
        return f"({self.expression(depth)})" if self.random.random() < 0.5 else self.leaf()

    def number(self, depth: int) -> str:
        kinds = (
            lambda: self.random.choice(_NUMBERS),
            lambda: "$states.input.n",
            lambda: "$a",
            lambda: f"$count({self.operand(depth)})",
            lambda: self.operand(depth),
        )
        return self.random.choice(kinds)()

    def arithmetic(self, depth: int) -> str:
        return f"{self.number(depth)} {self.random.choice('+-*/%')} {self.number(depth)}"

    def comparison(self, depth: int) -> str:
        return f"{self.operand(depth)} {self.operator()} {self.operand(depth)}"

    def logic(self, depth: int) -> str:
        return f"{self.operand(depth)} {self.random.choice(('and', 'or'))} {self.operand(depth)}"

    def concatenation(self, depth: int) -> str:
        return f"{self.operand(depth)} & {self.operand(depth)}"

    # constructors -----------------------------------------------------------------------------------------------

    def array(self, depth: int) -> str:
        items = [self.expression(depth) for _ in range(self.random.randint(0, 3))]
        if self.random.random() < 0.2:
            items.append(f"{self.number(0)}..{self.number(0)}")
        return f"[{', '.join(items)}]"

    def object(self, depth: int) -> str:
        members = [f"'{key}': {self.expression(depth)}" for key in "xyz"[: self.random.randint(0, 3)]]
        return f"{{{', '.join(members)}}}"

    def condition(self, depth: int) -> str:
        otherwise = f" : {self.operand(depth)}" if self.random.random() < 0.8 else ""
        return f"({self.operand(depth)} ? {self.operand(depth)}{otherwise})"

    def block(self, depth: int) -> str:
        name = self.random.choice(("u", "v", "w"))
        value = self.expression(depth)
        self.locals.append(name)
        body = self.expression(depth)
        self.locals.pop()
        return f"(${name} := {value}; {body})"

    # functions --------------------------------------------------------------------------------------------------

    def call(self, depth: int) -> str:
        count = self.random.choice((1, 1, 1, 2, 2, 3))
        name = self.random.choice(_FUNCTIONS[count])
        if name in _CALLERS and count > 1:
            return self.higher_order(depth)
        count = max(count + self.random.choice((0, 0, 0, 0, 0, 0, 0, -1, 1)), 1)
        return f"${name}({', '.join(self.operand(depth) for _ in range(count))})"

    def higher_order(self, depth: int) -> str:
        name = self.random.choice(_CALLERS)
        return f"${name}({self.operand(depth)}, {self.function(depth)})"

    def function(self, depth: int) -> str:
        if self.random.random() < 0.2:
            return self.random.choice(("$string", "$uppercase", "$sum", "$boolean", "$number", "$append"))
        return self.literal_function(depth)

    def literal_function(self, depth: int) -> str:
        names = ["p", "q", "r"][: self.random.choice((1, 1, 2, 2, 3))]
        self.locals += names
        body = self.expression(depth - 1)
        del self.locals[-len(names) :]
        signature = self.random.choice(("", "", "", "", "<x:x>", "<n:n>", "<s-:s>", "<a:x>", "<nn?:n>", "<j-:j>"))
        return f"function({', '.join(f'${name}' for name in names)}){signature if len(names) < 3 else ''} {{ {body} }}"

    def chain(self, depth: int) -> str:
        name = self.random.choice(_FUNCTIONS[1])
        then = self.random.choice((f"${name}", f"${name}()", f"$map({self.function(depth)})", self.function(depth)))
        return f"{self.operand(depth)} ~> {then}"

    def partial(self, depth: int) -> str:
        given = self.random.choice(("?", "?, {}", "{}, ?", "?, ?", "{}, ?, 1")).format(self.leaf())
        arguments = ", ".join(self.operand(depth) for _ in range(self.random.randint(0, 2)))
        return f"{self.literal_function(depth)}({given})({arguments})"

    def matching(self, depth: int) -> str:
        regex = self.random.choice(("/a/", "/[a-z]+/", "/l+/i", "/(l)(x)?/", "/o|(W)/", "/^b$/m"))
        call = self.random.choice(
            (
                "$match({}, {})", "$contains({}, {})", "$split({}, {})", "$replace({}, {}, '<$1>')", "{} ~> {}",
                "$replace({}, {}, function($m) {{ $m.match & '!' }})", "$match({}, {})[0].match", "$filter({}, {})",
            )
        )  # fmt: skip
        return call.format(self.random.choice(("$states.input.text", "$b", self.operand(depth))), regex)

    # the rarer steps --------------------------------------------------------------------------------------------

    def ordering(self, depth: int) -> str:
        term = self.random.choice((*_ITEM_NAMES, "$", "qty * price"))
        return f"$states.input.items^({self.random.choice(('', '<', '>'))}{term})" + self.random.choice(("", ".sku"))

    def grouping(self, depth: int) -> str:
        start = self.random.choice(("items", "items", "items[qty > 1]", "items#$i", "items@$it", "words", "some"))
        key = self.random.choice(("sku", "tags", "'q' & qty", "'k'"))
        value = self.random.choice(("qty", "$sum(qty)", "$", "$i", "$it.sku", self.inner(depth)))
        return f"$states.input.{start}{{{key}: {value}}}"

    def joining(self, depth: int) -> str:
        return self.random.choice(
            (
                "$states.input.items#$i.{'i': $i, 'sku': sku}",
                "$states.input.items@$it.{'sku': $it.sku}",
                "$states.input.items@$x.$states.input.items@$y[$x.dim.w = $y.dim.w].{'x': $x.sku, 'y': $y.sku}",
                "$states.input.items.tags.{'tag': $, 'of': %.sku}",
                "$states.input.items#$i[qty > 1].($i & sku)",
                f"$states.input.items[{self.random.choice(_ITEM_NAMES)}]#$i.($i)",
                f"$states.input.items[{self.inner(depth)}]#$i.($i)",
                f"$states.input.items#$i[{self.inner(depth)}].{{'i': $i}}",
                f"$states.input.items@$x[{self.inner(depth)}].$x.sku",
                f"$states.input.items@$x#$i.({self.inner(depth)})",
                "$states.input.items#$i.tags#$k.[$i, $k]",
                "$states.input.items^(>qty)#$i.{'i': $i, 's': sku}",
                f"$states.input.items.tags[%.sku = {self.leaf()}]",
                "$c#$i[$i > 1]",
            )
        )

    def transform(self, depth: int) -> str:
        delete = self.random.choice(("", ", 'qty'", ", ['sku', 'price']"))
        return f"$states.input ~> |items|{{'new': {self.inner(depth)}}}{delete}|"


def expressions(seed: int, count: int) -> list[str]:
    """`count` random expressions; the same for the same seed."""
    source = Expressions(seed)
    return [source.next() for _ in range(count)]


def bindings() -> dict[str, Any]:
    """What the expressions may refer to: `$states` and the variables."""
    return {"states": {"input": DOCUMENT, "context": {"State": {"Name": "S"}}}, **VARIABLES}
