"""The small faults that can be put into a module: what each is, and the module's text with it.

Comparisons, `and`/`or`, conditions, truth values, whole numbers, sums, what is returned, calls made for their effect.
Not touched: annotations, decorators, texts, and what is only logged.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_LARGE = 100
"""One more or less of so many is seldom a fault: they are doubled."""
_LOGS = ("log", "_log", "logger", "_logger")
_ONLY_NAMED = {"annotation", "returns", "decorator_list"}
"""Fields of syntax nodes that say what things are, not what they do."""


@dataclass(frozen=True)
class Fault:
    """A fault that a module can be given: the `number`th of it."""

    number: int
    lines: range
    before: str
    after: str

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.lines.start


def faults(source: str) -> list[Fault]:
    """All faults that a module's text can be given, in its order."""
    found = []
    for number, (node, change) in enumerate(_changes(ast.parse(source))):
        lines, before = _lines(node), _brief(node)
        change()
        found.append(Fault(number, lines, before, _brief(node)))
        change()
    return found


def with_fault(source: str, number: int) -> str:
    """The module's text with that fault, without its comments. Raises `IndexError` where there is none."""
    tree = ast.parse(source)
    _, change = list(_changes(tree))[number]
    change()
    return ast.unparse(ast.fix_missing_locations(tree))


def _lines(node: ast.expr | ast.stmt) -> range:
    head = node.test if isinstance(node, ast.If | ast.While) else node
    return range(node.lineno, (head.end_lineno or node.lineno) + 1)


def _brief(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]


Change = Callable[[], None]
"""Puts a fault into the tree; called again, takes it out."""


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, Change]]:
    for node in _acting(tree):
        match node:
            case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
                yield node, _swap(node, "ops", [_COMPARISONS[type(operator)]()])
            case ast.BoolOp(op=op):
                yield node, _swap(node, "op", ast.Or() if isinstance(op, ast.And) else ast.And())
            case ast.BinOp(op=op) if type(op) in _SUMS and not _is_text(node):
                yield node, _swap(node, "op", _SUMS[type(op)]())
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if not isinstance(test, ast.Constant):
                yield node, _swap(node, "test", ast.UnaryOp(ast.Not(), test))
            case ast.Constant(value=bool(value)):
                yield node, _swap(node, "value", not value)
            case ast.Constant(value=int(value)):
                yield node, _swap(node, "value", value + 1 if abs(value) < _LARGE else 2 * value)
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                yield node, _swap(node, "value", ast.Constant(None))
            case ast.Expr(value=ast.Call(func=function) as value) if not ast.unparse(function).startswith(_LOGS):
                yield node, _swap(node, "value", ast.Constant(None))


def _swap(node: ast.AST, name: str, other: object) -> Change:
    values = [getattr(node, name), other]

    def change() -> None:
        values.reverse()
        setattr(node, name, values[0])

    return change


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _acting(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one that do something, in the order of the text."""
    for name, value in ast.iter_fields(node):
        if name in _ONLY_NAMED:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_for_checkers(child):
                yield child
                yield from _acting(child)
