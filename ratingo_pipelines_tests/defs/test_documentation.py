"""What the assets say of themselves: tables, columns, code and docs."""

from pathlib import Path

import dagster as dg
import pytest

from ratingo_pipelines.definitions import defs
from ratingo_pipelines.storage import pipeline_tables
from ratingo_pipelines.storage.tables import metadata

SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_every_asset_that_fills_one_table_names_it_with_the_meaning_of_its_columns() -> None:
    tables = metadata.tables | {table.name: table for table in pipeline_tables.metadata.tables.values()}
    # The reports fill none, IMDb's dataset those of both media.
    others = {"shows/sync_report", "movies/sync_report", "imdb/ratings"}
    named = {name: spec.metadata["dagster/table_name"] for name, spec in SPECS.items() if name not in others}
    assert len(named) == 14
    for name, table in named.items():
        schema = SPECS[name].metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        assert [column.name for column in schema.columns] == [column.name for column in tables[table].columns]
        assert all(column.description for column in schema.columns), name
    assert named["shows/details"] == "shows"
    assert named["movies/sparklines"] == "movie_watchers_snapshots"


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_asset_leads_to_its_code_and_to_the_docs(name: str) -> None:
    spec = SPECS[name]
    code, page = spec.metadata["dagster/code_references"].code_references
    path, _, line = code.source.rpartition(":")
    assert Path(path).parent.name == "defs"
    assert Path(path).read_text().splitlines()[int(line) - 1].lstrip().startswith(("@dg.", "def "))
    path, _, line = page.source.rpartition(":")
    heading = Path(path).read_text().splitlines()[int(line) - 1]
    table = spec.metadata.get("dagster/table_name")
    assert heading == (f"### {table}" if table else "# Architecture")
    assert spec.metadata["docs"].path == path
