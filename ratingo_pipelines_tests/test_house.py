"""What the house promises its readers, where neither ruff nor mypy looks."""

import ast
from collections import defaultdict
from pathlib import Path

import ratingo_pipelines

PACKAGE = Path(ratingo_pipelines.__file__).parent


def test_no_two_public_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(module.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(module.relative_to(PACKAGE)))

    assert len(homes) > 100
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
