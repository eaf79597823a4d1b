"""What the house promises its readers, where neither ruff nor mypy looks."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import ratingo_pipelines

CORE = ("measures", "sources", "storage", "sync", "sandbox", "settings.py")
PACKAGE = Path(ratingo_pipelines.__file__).parent


def test_no_two_public_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(module.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(module.relative_to(PACKAGE)))

    assert len(homes) > 100
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_public_functions_of_the_core_name_the_errors_they_raise() -> None:
    raising = {
        f"{module.relative_to(PACKAGE)}: {function.name}": ast.get_docstring(function) or ""
        for module in sorted(PACKAGE.rglob("*.py"))
        if module.relative_to(PACKAGE).parts[0] in CORE
        for function in _public_functions(ast.parse(module.read_text(encoding="utf-8")))
        if any(isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) for node in _own_nodes(function))
    }

    assert len(raising) > 20
    assert [where for where, said in raising.items() if not re.search(r"\braises?\b", said, re.IGNORECASE)] == []


def _public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Of the module and of its public classes."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for node in (*tree.body, *(node for each in classes for node in each.body)):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Without those of functions within it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield node
            waiting.extend(ast.iter_child_nodes(node))
