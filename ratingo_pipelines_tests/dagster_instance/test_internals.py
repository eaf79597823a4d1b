"""The private parts of Dagster that the project leans on are where one module says; nobody else uses any."""

import re
from pathlib import Path

import ratingo_pipelines
from ratingo_pipelines.dagster_instance import internals

PACKAGE = Path(ratingo_pipelines.__file__).parent
PRIVATE_IMPORT = re.compile(r"^\s*(?:from|import) dagster\w*(?:\.\w+)*\._\w*", re.MULTILINE)


def test_every_private_part_is_there() -> None:
    assert [name for name in internals.__all__ if not hasattr(internals, name)] == []


def test_only_one_module_imports_private_parts_of_dagster() -> None:
    sources = {path: path.read_text() for path in PACKAGE.rglob("*.py")}
    assert len(sources) > 100
    assert [path.name for path, source in sources.items() if PRIVATE_IMPORT.search(source)] == ["internals.py"]
