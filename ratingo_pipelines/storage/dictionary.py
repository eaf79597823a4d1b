"""What the data mean: the dictionary of all tables, from the comments of their columns.

`python -m ratingo_pipelines.storage.dictionary` prints docs/database.md (`make docs` writes it). Dagster's assets show
the same (`defs/documentation.py`), PostgreSQL keeps it as comments (`schema.upgrade`).
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Column, ForeignKey, MetaData, Table, UniqueConstraint
from sqlalchemy.types import JSON, Boolean, DateTime, Double, Integer, TypeDecorator

from ratingo_pipelines.storage import pipeline_tables, tables

_KINDS = {Boolean: "boolean", JSON: "json", DateTime: "timestamp", Double: "double", Integer: "integer"}
HEAD = """# The database

Every table and column: what it means, in which unit, from whom. Made by `make docs` from the tables' own description
(`ratingo_pipelines/storage/tables.py`, `pipeline_tables.py`); on PostgreSQL the same is kept as comments, for `\\d+`.
A timestamp is UTC, without time zone. What is not marked *needed* may be NULL: nothing is known.
"""
SITE = """## What the site reads

On PostgreSQL in the site's schema, `public` as a rule.

While TMDB's trending list stands in for Trakt's (`TRENDING_SOURCE`), nobody tells who is watching. `trending_score`
then takes TMDB's popularity, as its share of the list's largest, in place of the watchers; `rating_trakt` keeps the
figure of the last list that named the title, 0 for one that none did; `watchers_delta` is 0; and no snapshot is
written. The calendar has the next episode of each listed show as TMDB tells it, a day without a time
(`T00:00:00.000Z`), until Trakt's instant takes its place.
"""
OWN = """## This project's own tables

On PostgreSQL in the schema `pipeline` (`PIPELINE_SCHEMA`). The site reads none of them.
"""


class ColumnMeaning(NamedTuple):
    """A column as a dictionary has it: type in the words of the contract."""

    name: str
    type: str
    needed: bool
    meaning: str


def columns_of(table: Table) -> list[ColumnMeaning]:
    """The columns of a table in their order."""
    return [ColumnMeaning(c.name, kind_of(c), not c.nullable, c.comment or "") for c in table.columns]


def kind_of(column: Column[object]) -> str:
    """The column's type: text, integer, double, boolean, timestamp or json."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return next((name for family, name in _KINDS.items() if isinstance(kind, family)), "text")


def all_tables() -> list[Table]:
    """The site's tables and this project's own, in the order in which they are described."""
    return [table for metadata in (tables.metadata, pipeline_tables.metadata) for table in metadata.tables.values()]


def markdown() -> str:
    """The dictionary as a page."""
    parts = [HEAD, SITE, *_pages(tables.metadata), OWN, *_pages(pipeline_tables.metadata)]
    return "\n".join(parts)


def _pages(metadata: MetaData) -> Iterator[str]:
    for table in metadata.tables.values():
        rows = [
            f"| `{column.name}` | {column.type} | {'*needed*' if column.needed else ''} | {_escaped(column.meaning)} |"
            for column in columns_of(table)
        ]
        lines = [f"### {table.name}", "", table.comment or "", ""]
        lines += ["| column | type | | meaning |", "|---|---|---|---|", *rows, ""]
        keys = [", ".join(f"`{name}`" for name in names) for names in _keys(table)]
        lines += [f"Unique: {'; '.join(keys)}.", ""] if keys else []
        lines += [f"`{key.parent.name}` goes with its row of {_target(key)}.", ""] if (key := _parent(table)) else []
        yield "\n".join(lines)


def _keys(table: Table) -> list[list[str]]:
    found = [[column.name for column in index.columns] for index in table.indexes if index.unique]
    found += [[column.name for column in one.columns] for one in table.constraints if isinstance(one, UniqueConstraint)]
    primary = [column.name for column in table.primary_key]
    return sorted({tuple(key): key for key in [*found, *([primary] if len(primary) > 1 else [])]}.values())


def _parent(table: Table) -> ForeignKey | None:
    return next(iter(table.foreign_keys), None)


def _target(key: ForeignKey) -> str:
    return f"`{key.column.table.name}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown())
