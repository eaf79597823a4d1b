"""Drizzle's side: the schema file of the site's tables, and its push.

The file is written from `storage/tables.py`, which `storage/test_contract.py` holds to the contract's text.
https://orm.drizzle.team/docs/drizzle-kit-push
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint, types
from sqlalchemy.types import TypeDecorator

FOLDER = Path(__file__).parents[2] / ".push"
"""Where `make test-push` installs the site's tools."""
NOTHING = "No changes detected"
_KINDS = {
    types.Boolean: "boolean",
    types.JSON: "jsonb",
    types.DateTime: "timestamp",
    types.Float: "doublePrecision",
    types.Integer: "integer",
    types.Text: "text",
}
_IMPORTS = ", ".join(["pgTable", "serial", "index", "uniqueIndex", *_KINDS.values()])


def schema_file(metadata: MetaData) -> str:
    """The tables in TypeScript, as the site declares them."""
    lines = [f'import {{ {_IMPORTS} }} from "drizzle-orm/pg-core";']
    for table in metadata.sorted_tables:
        columns = ", ".join(f'"{column.name}": {_column(table, column)}' for column in table.columns)
        indexes = ", ".join(_index(index) for index in sorted(table.indexes, key=lambda index: str(index.name)))
        lines.append(f'export const {table.name} = pgTable("{table.name}", {{ {columns} }}, (t) => [{indexes}]);')
    return "\n".join(lines) + "\n"


def push(url: str, schema: str, folder: Path) -> str:
    """What drizzle-kit says when the schema is pushed to the database; it changes what it can without asking."""
    file = folder / "schema.ts"
    file.write_text(schema)
    # Imports are looked for from where the file lies.
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    command = [str(FOLDER / "node_modules" / ".bin" / "drizzle-kit"), "push"]
    command += ["--dialect", "postgresql", "--schema", str(file), "--url", url]
    ended = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.stdout + ended.stderr


def _column(table: Table, column: Column[Any]) -> str:
    if column.primary_key:
        return f'serial("{column.name}").primaryKey()'
    plain = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    kind = next(name for family, name in _KINDS.items() if isinstance(plain, family))
    text = f'{kind}("{column.name}")'
    if column.server_default is not None:
        text += ".defaultNow()"
    if not column.nullable:
        text += ".notNull()"
    # Drizzle names it TABLE_COLUMN_unique by itself, as the contract has it.
    return text + ".unique()" if [column.name] in _keys(table.constraints) else text


def _keys(constraints: Iterable[object]) -> list[list[str]]:
    unique = (constraint for constraint in constraints if isinstance(constraint, UniqueConstraint))
    return [[column.name for column in constraint.columns] for constraint in unique]


def _index(index: Index) -> str:
    columns = ", ".join(f't["{column.name}"]' for column in index.columns)
    return f'{"uniqueIndex" if index.unique else "index"}("{index.name}").on({columns})'
