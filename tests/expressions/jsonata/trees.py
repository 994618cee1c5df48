"""Syntax trees as short text, for tables: what a node is in front, what decorates it behind.

`a<p>` is a step with the stage p, `a[p]` a node with the predicate p; `a[]` keeps arrays, `~` marks a tuple step,
`^!0` is the ancestor that `%!0` means, `=` a cons_array, `!` behind a path keep_singleton_array.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from express.expressions.jsonata import syntax as s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from express.expressions.jsonata.syntax import Filter, IndexBinding, Node


def show(node: Node) -> str:
    """The tree of `node` as text."""
    flags = [
        *(f"[{show(predicate.expression)}]" for predicate in node.predicates),
        *map(_show_stage, node.stages),
        _show_pairs(node.group.pairs) if node.group else "",
        "[]" if node.keep_array else "",
        "=" if node.cons_array else "",
        f"@{node.focus}" if node.focus is not None else "",
        f"#{node.index}" if node.index is not None else "",
        "~" if node.tuple else "",
        f"^{node.ancestor.label}" if node.ancestor else "",
    ]
    return _BODIES[type(node)](node) + "".join(flags)


def _show_stage(stage: Filter | IndexBinding) -> str:
    return f"<{show(stage.expression)}>" if isinstance(stage, s.Filter) else f"<#{stage.name}>"


def _show_pairs(pairs: list[tuple[Node, Node]]) -> str:
    return "{" + " ".join(f"{show(key)}:{show(value)}" for key, value in pairs) + "}"


def _form(head: str, *nodes: Node | None) -> str:
    return "(" + " ".join([head, *(show(node) for node in nodes if node is not None)]) + ")"


def _show_sort(sort: s.Sort) -> str:
    return "(sort " + " ".join("<>"[term.descending] + show(term.expression) for term in sort.terms) + ")"


def _show_lambda(function: s.Lambda) -> str:
    head = "function " + " ".join(f"${name}" for name in function.parameters) + (function.signature or "")
    return _form(head.strip(), function.body)


def _show_all(nodes: Iterable[Node]) -> str:
    return " ".join(map(show, nodes))


_BODIES: Mapping[type[Node], Callable[[Any], str]] = {
    s.Literal: lambda node: json.dumps(node.value, ensure_ascii=False),
    s.Name: lambda node: node.name if node.name.isidentifier() else f"`{node.name}`",
    s.Wildcard: lambda node: "*",
    s.Descendant: lambda node: "**",
    s.Parent: lambda node: "%" + node.slot.label,
    s.Variable: lambda node: "$" + node.name,
    s.Regex: lambda node: f"/{node.pattern}/{node.flags}",
    s.Negation: lambda node: _form("-", node.operand),
    s.ArrayConstructor: lambda node: f"[{_show_all(node.items)}]",
    s.ObjectConstructor: lambda node: _show_pairs(node.pairs),
    s.Binary: lambda node: _form(node.operator, node.left, node.right),
    s.Condition: lambda node: _form("?", node.condition, node.then, node.otherwise),
    s.Block: lambda node: _form("do", *node.expressions),
    s.Bind: lambda node: _form(f":= ${node.name}", node.value),
    s.Lambda: _show_lambda,
    s.Call: lambda node: _form("tail-call" if node.tail else "call", node.procedure, *node.arguments),
    s.Partial: lambda node: _form("partial", node.procedure, *node.arguments),
    s.Placeholder: lambda node: "?",
    s.Apply: lambda node: _form("~>", node.left, node.right),
    s.Transform: lambda node: _form("transform", node.pattern, node.update, node.delete),
    s.Sort: _show_sort,
    s.Path: lambda node: f"(path {_show_all(node.steps)})" + ("!" if node.keep_singleton_array else ""),
}
