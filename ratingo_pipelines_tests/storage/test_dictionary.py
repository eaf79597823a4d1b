"""The dictionary of the data: whole, written down, and kept by PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Table, inspect, text

from ratingo_pipelines.storage.dictionary import all_tables, columns_of, markdown
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import differences, upgrade

PAGE = Path(__file__).parents[2] / "docs" / "database.md"


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_table_and_column_has_its_meaning(table: Table) -> None:
    meanings = {column.name: column.meaning for column in columns_of(table)}
    assert len(meanings) == len(table.columns)
    for name, meaning in {"": table.comment, **meanings}.items():
        assert meaning, f"{table.name}.{name} has no comment"
        assert meaning.endswith("."), f"{table.name}.{name}: {meaning}"
        assert "\n" not in meaning


def test_the_page_is_that_of_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run `make docs`"


def test_types_are_in_the_contracts_words() -> None:
    kinds = {column.type for table in all_tables() for column in columns_of(table)}
    assert kinds == {"text", "integer", "double", "boolean", "timestamp", "json"}


@pytest.mark.parametrize("schema", ["pipeline", "another_one"])
def test_postgresql_keeps_what_the_columns_mean(postgres_url: Callable[..., str], schema: str) -> None:
    database = Database(postgres_url(migrated=False), schema)
    upgrade(database)
    with database.writing() as conn:
        conn.execute(text("COMMENT ON COLUMN shows.rating_trakt IS 'a rating?'"))
        conn.execute(text("COMMENT ON COLUMN movies.runtime IS NULL"))
    assert differences(database) == []

    assert upgrade(database) == []

    with database.reading() as conn:
        inspector = inspect(conn)
        for table in all_tables():
            place = schema if table.schema else None
            assert inspector.get_table_comment(table.name, schema=place)["text"] == table.comment
            live = {column["name"]: column["comment"] for column in inspector.get_columns(table.name, schema=place)}
            assert live == {column.name: column.meaning for column in columns_of(table)}
    database.dispose()
