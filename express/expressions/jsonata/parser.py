"""JSONata text to a syntax tree.

The grammar is an operator table with a Pratt parser: an expression is an operand followed by operators as long as
they bind more tightly than the operator before it. Binding powers, reading order and error codes are those of
jsonata-js 2.0.6, which reads one token ahead: a mistake inside the next token is reported before one about this
token. So are its leniencies: a `/` after the `]` of an empty filter or after an order-by opens a regular expression;
`and`, `or` and `in` are names where an operand is expected.

A second pass (`flattening`) finishes the tree. No tree that leaves this module is deeper than `MAX_DEPTH`, so later
passes may recurse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.ancestry import underivable
from express.expressions.jsonata.errors import STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.flattening import Flattening
from express.expressions.jsonata.lexer import END, Lexer
from express.expressions.jsonata.phrases import (
    Bracket,
    Dot,
    End,
    FocusBinding,
    Grouping,
    OrderBy,
    PositionBinding,
    token_of,
)
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.syntax import (
    Apply,
    ArrayConstructor,
    Binary,
    Bind,
    Block,
    Call,
    Condition,
    Descendant,
    Lambda,
    Literal,
    Name,
    Negation,
    Node,
    ObjectConstructor,
    Parent,
    Partial,
    Placeholder,
    Regex,
    Slot,
    SortTerm,
    Transform,
    Variable,
    Wildcard,
)
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from express.expressions.jsonata.lexer import Token

#: Maximum nesting of nodes. Step Functions evaluates about 100; 3 or 4 Python frames per node fit the default stack.
MAX_DEPTH: Final = 150

#: Binding power of each operator towards its left operand; any other token ends the expression.
_POWERS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("[", "(", "@", "#"), 80),
    ".": 75,
    "{": 70,
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("+", "-", "&"), 50),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "in", "^", "~>"), 40),
    "and": 30,
    "or": 25,
    "?": 20,
    ":=": 10,
}
_PREFIX_POWER: Final = 70

#: Operators that the lexer knows and the grammar does not.
_UNKNOWN: Final = frozenset(("!", "~"))

_LAMBDA_NAMES: Final = frozenset(("function", "λ"))


def parse(text: str) -> Node:
    """The syntax tree of a JSONata expression.

    Raises JSONataError with the code, position and token that jsonata-js gives, and U1003 for one nested too deeply.
    """
    try:
        tree = Flattening(MAX_DEPTH).flatten(_Parser(text).read_all())
    except RecursionError:
        # The caller had already used most of the stack.
        raise JSONataError(STACK_OVERFLOW) from None
    if isinstance(tree, Parent) or tree.seeking_parent:
        raise underivable(tree)
    _check_depth(tree)
    return tree


def _check_depth(tree: Node) -> None:
    """Raise if the tree is too deep: chains of operators are parsed in loops, but are as deep as they are long."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise JSONataError(STACK_OVERFLOW, level[0].position)


class _Parser:
    """The first pass: reads `text` with one token of lookahead, `token`."""

    __slots__ = ("_depth", "_lexer", "token")

    def __init__(self, text: str) -> None:
        self._lexer = Lexer(text)
        self._depth = MAX_DEPTH
        self.token: Token

    def read_all(self) -> Node:
        self.advance()
        tree = self.expression(0)
        if self.token.symbol != END:
            raise JSONataError("S0201", self.token.position, token=self.token.shown)
        return tree

    def advance(self, expected: str | None = None, *, infix: bool = False) -> None:
        """Go to the next token; the current one must be `expected` if that is given. `infix`: it ends an operand."""
        if expected is not None and self.token.symbol != expected:
            code = "S0203" if self.token.symbol == END else "S0202"
            raise JSONataError(code, self.token.position, token=self.token.shown, value=expected)
        self.token = self._lexer.next(infix=infix)
        if self.token.symbol in _UNKNOWN:
            raise JSONataError("S0204", self.token.position, token=self.token.value)

    def skip(self, symbol: str) -> bool:
        """Skip `symbol` if it is the current token; True if it was."""
        if self.token.symbol != symbol:
            return False
        self.advance()
        return True

    def expression(self, power: int) -> Node:
        """One operand and the following operators that bind more tightly than `power`."""
        if self._depth == 0:
            raise JSONataError(STACK_OVERFLOW, self.token.position)
        self._depth -= 1
        token = self.token
        self.advance(infix=True)
        tree = _PREFIXES.get(token.symbol, _Parser._not_a_prefix)(self, token)
        while power < _POWERS.get(self.token.symbol, 0):
            token = self.token
            self.advance()
            tree = _INFIXES.get(token.symbol, _Parser._read_binary)(self, token, tree)
        self._depth += 1
        return tree

    # Operands and their opening tokens; the token has been read, the current one is the next.

    def _not_a_prefix(self, token: Token) -> Node:
        raise JSONataError("S0211", token.position, token=token.shown)

    def _read_end(self, token: Token) -> Node:
        return End(position=token.position)

    def _read_name(self, token: Token) -> Node:
        return Name(name=token.value, position=token.position)

    def _read_variable(self, token: Token) -> Node:
        return Variable(name=token.value, position=token.position)

    def _read_literal(self, token: Token) -> Node:
        return Literal(value=token.value, position=token.position)

    def _read_regex(self, token: Token) -> Node:
        pattern, flags = token.value
        return Regex(pattern=pattern, flags=flags, position=token.position)

    def _read_wildcard(self, token: Token) -> Node:
        return Wildcard(position=token.position)

    def _read_descendant(self, token: Token) -> Node:
        return Descendant(position=token.position)

    def _read_parent(self, token: Token) -> Node:
        return Parent(slot=Slot("", 1), position=token.position)

    def _read_negation(self, token: Token) -> Node:
        return Negation(operand=self.expression(_PREFIX_POWER), position=token.position)

    def _read_block(self, token: Token) -> Node:
        expressions: list[Node] = []
        while self.token.symbol != ")":
            expressions.append(self.expression(0))
            if not self.skip(";"):
                break
        self.advance(")", infix=True)
        return Block(expressions=expressions, position=token.position)

    def _read_array(self, token: Token) -> Node:
        items: list[Node] = []
        more = self.token.symbol != "]"
        while more:
            items.append(self._read_item())
            more = self.skip(",")
        self.advance("]", infix=True)
        return ArrayConstructor(items=items, position=token.position)

    def _read_item(self) -> Node:
        item = self.expression(0)
        position = self.token.position
        if self.skip(".."):
            return Binary(operator="..", left=item, right=self.expression(0), position=position)
        return item

    def _read_object(self, token: Token) -> Node:
        return ObjectConstructor(pairs=self._read_pairs(), position=token.position)

    def _read_pairs(self) -> list[tuple[Node, Node]]:
        pairs: list[tuple[Node, Node]] = []
        more = self.token.symbol != "}"
        while more:
            key = self.expression(0)
            self.advance(":")
            pairs.append((key, self.expression(0)))
            more = self.skip(",")
        self.advance("}", infix=True)
        return pairs

    def _read_transform(self, token: Token) -> Node:
        pattern = self.expression(0)
        self.advance("|")
        update = self.expression(0)
        delete = self.expression(0) if self.skip(",") else None
        self.advance("|")
        return Transform(pattern=pattern, update=update, delete=delete, position=token.position)

    # Operators behind an operand, `left`.

    def _read_binary(self, token: Token, left: Node) -> Node:
        operator = token.symbol
        return Binary(operator=operator, left=left, right=self.expression(_POWERS[operator]), position=token.position)

    def _read_dot(self, token: Token, left: Node) -> Node:
        return Dot(left=left, right=self.expression(_POWERS["."]), position=token.position)

    def _read_apply(self, token: Token, left: Node) -> Node:
        return Apply(left=left, right=self.expression(_POWERS["~>"]), position=token.position)

    def _read_bracket(self, token: Token, left: Node) -> Node:
        step = left.step if isinstance(left, Bracket) else left
        if self.skip("]"):
            step.keep_array = True
            return left
        predicate = self.expression(0)
        self.advance("]", infix=True)
        return Bracket(left=left, predicate=predicate, step=step, position=token.position)

    def _read_grouping(self, token: Token, left: Node) -> Node:
        return Grouping(left=left, pairs=self._read_pairs(), position=token.position)

    def _read_order_by(self, token: Token, left: Node) -> Node:
        self.advance("(")
        terms = [self._read_sort_term()]
        while self.skip(","):
            terms.append(self._read_sort_term())
        self.advance(")")
        return OrderBy(left=left, terms=terms, position=token.position)

    def _read_sort_term(self) -> SortTerm:
        descending = not self.skip("<") and self.skip(">")
        return SortTerm(self.expression(0), descending)

    def _read_bind(self, token: Token, left: Node) -> Node:
        if not isinstance(left, Variable):
            raise JSONataError("S0212", left.position, token=token_of(left))
        # One less: it is right-associative.
        return Bind(name=left.name, value=self.expression(_POWERS[":="] - 1), position=token.position)

    def _read_focus(self, token: Token, left: Node) -> Node:
        return FocusBinding(left=left, name=self._read_bound_name(token), position=token.position)

    def _read_position(self, token: Token, left: Node) -> Node:
        return PositionBinding(left=left, name=self._read_bound_name(token), position=token.position)

    def _read_bound_name(self, token: Token) -> str:
        variable = self.expression(_POWERS[token.symbol])
        if not isinstance(variable, Variable):
            raise JSONataError("S0214", variable.position, token=token.symbol)
        return variable.name

    def _read_condition(self, token: Token, left: Node) -> Node:
        then = self.expression(0)
        otherwise = self.expression(0) if self.skip(":") else None
        return Condition(condition=left, then=then, otherwise=otherwise, position=token.position)

    def _read_call(self, token: Token, left: Node) -> Node:
        arguments: list[Node] = []
        more = self.token.symbol != ")"
        while more:
            arguments.append(self._read_argument())
            more = self.skip(",")
        self.advance(")", infix=True)
        if isinstance(left, Name) and left.name in _LAMBDA_NAMES:
            return self._read_lambda(token, arguments)
        if any(isinstance(argument, Placeholder) for argument in arguments):
            return Partial(procedure=left, arguments=arguments, position=token.position)
        return Call(procedure=left, arguments=arguments, position=token.position)

    def _read_argument(self) -> Node:
        token = self.token
        if self.skip("?"):
            return Placeholder(position=token.position)
        return self.expression(0)

    def _read_lambda(self, token: Token, arguments: list[Node]) -> Node:
        parameters: list[str] = []
        for index, argument in enumerate(arguments, 1):
            if not isinstance(argument, Variable):
                raise JSONataError("S0208", argument.position, token=token_of(argument), value=index)
            parameters.append(argument.name)
        signature = self._read_signature() if self.token.symbol == "<" else None
        self.advance("{")
        body = self.expression(0)
        self.advance("}")
        return Lambda(parameters=parameters, signature=signature, body=body, position=token.position)

    def _read_signature(self) -> str:
        """`<...>` between parameters and body, joined from its tokens without whitespace."""
        position = self.token.position
        depth = 1
        parts = ["<"]
        while depth > 0 and self.token.symbol not in ("{", END):
            self.advance()
            depth += (self.token.symbol == "<") - (self.token.symbol == ">")
            parts.append(_signature_text(self.token))
        self.advance(">")
        signature = "".join(parts)
        compile_signature(signature, position)
        return signature


_PREFIXES: Final[Mapping[str, Callable[[_Parser, Token], Node]]] = {
    END: _Parser._read_end,
    "(name)": _Parser._read_name,
    "and": _Parser._read_name,
    "or": _Parser._read_name,
    "in": _Parser._read_name,
    "(variable)": _Parser._read_variable,
    "(string)": _Parser._read_literal,
    "(number)": _Parser._read_literal,
    "(value)": _Parser._read_literal,
    "(regex)": _Parser._read_regex,
    "*": _Parser._read_wildcard,
    "**": _Parser._read_descendant,
    "%": _Parser._read_parent,
    "-": _Parser._read_negation,
    "(": _Parser._read_block,
    "[": _Parser._read_array,
    "{": _Parser._read_object,
    "|": _Parser._read_transform,
}

_INFIXES: Final[Mapping[str, Callable[[_Parser, Token, Node], Node]]] = {
    ".": _Parser._read_dot,
    "[": _Parser._read_bracket,
    "{": _Parser._read_grouping,
    "(": _Parser._read_call,
    "^": _Parser._read_order_by,
    ":=": _Parser._read_bind,
    "@": _Parser._read_focus,
    "#": _Parser._read_position,
    "~>": _Parser._read_apply,
    "?": _Parser._read_condition,
}


def _signature_text(token: Token) -> str:
    """A token inside a signature, converted to a string as in JavaScript."""
    if token.kind == "regex":
        return "/{}/{}".format(*token.value)
    if token.kind == "value":
        return {True: "true", False: "false", None: "null"}[token.value]
    return str(token.value)
