"""The tables against the contract's own text, where it lies beside the checkout."""

import re
from pathlib import Path

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.storage.tables import metadata, tables_of

CONTRACT = Path(__file__).parents[2].parent / "shared" / "spec" / "database.md"


@pytest.fixture(scope="module")
def contract() -> str:
    if not CONTRACT.exists():
        pytest.skip("the contract does not lie beside the checkout")
    return CONTRACT.read_text(encoding="utf-8")


def test_every_index_has_the_contracts_name_and_uniqueness(contract: str) -> None:
    section = (
        contract.split("## Index names (`*` unique)")[1].split("## ", maxsplit=1)[0].split("(`...`", maxsplit=1)[0]
    )
    named: dict[str, bool] = {}
    for described in " ".join(section.split()).split(" · "):
        table, indexes = described.split(": ")
        for one in ("show", "movie") if "{m}" in described else ("",):
            for index in indexes.strip().split(", "):
                name = index.rstrip("*").replace("...", table).replace("{m}", one)
                named[name] = index.endswith("*")
    found = {
        str(index.name): bool(index.unique)
        for table in metadata.tables.values()
        if not table.name.startswith("pipeline_")
        for index in table.indexes
    }
    assert found == named


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_every_column_of_a_title_is_the_contracts(contract: str, medium: Medium) -> None:
    section = contract.split("## Twins")[1].split("Shapes in json", maxsplit=1)[0]
    both, own = section.split("`shows` only:")
    shows, movies = own.split("`movies` only:")
    text = both + {SHOWS.plural: shows, MOVIES.plural: movies}[medium.plural]
    named = set(re.findall(r"`([a-z0-9_]+)`", text)) - {"shows", "movies", "images"}
    assert {column.name for column in tables_of(medium).titles.columns} == named


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_every_column_of_a_child_table_is_the_contracts(contract: str, medium: Medium) -> None:
    rows = re.findall(r"^\| `\{m\}_([a-z_]+)` \| (.+?) \| (.+?) \|$", contract, re.MULTILINE)
    assert len(rows) == 10
    one = medium.singular
    for name, columns, unique in rows:
        table = metadata.tables[f"{one}_{name}"]
        plain = re.sub(r"\([^)]*\)", "", columns).split(":")[0].replace("{m}", one)
        named = {part.split()[0] for part in plain.split(",")}
        assert {column.name for column in table.columns} == {"id", f"{one}_id", *named}, table.name
        keys = [[column.name for column in index.columns] for index in table.indexes if index.unique]
        assert keys == ([] if unique == "none" else [unique.replace("{m}", one).split(", ")]), table.name


@pytest.mark.parametrize("name", ["genres", "watch_providers_registry", "show_airings"])
def test_every_column_of_a_shared_table_is_the_contracts(contract: str, name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (.+?) \| (.+?) \|$", contract, re.MULTILINE)
    assert row is not None
    table = metadata.tables[name]
    named = {part.split()[0] for part in re.sub(r"\([^)]*\)", "", row[1]).split(",")}
    assert {column.name for column in table.columns} == {"id", *named}
    keys = [[column.name for column in index.columns] for index in table.indexes if index.unique]
    assert keys == [row[2].split(", ")]


def test_what_a_row_cannot_do_without_is_the_contracts(contract: str) -> None:
    needed = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not column.nullable and not column.primary_key and not table.name.startswith("pipeline_")
    }
    for name in ("created_at", "updated_at"):
        needed -= {f"{table.name}.{name}" for table in metadata.tables.values()}
    children = {
        "ratings.source", "rating_buckets.source", "rating_buckets.bucket", "rating_buckets.count",
        "watchers_snapshots.tmdb_id", "watchers_snapshots.watchers", "translations.locale", "genres.genre_id",
        "videos.site", "videos.key", "watch_providers.region", "content_ratings.region",
    }  # fmt: skip
    expected = {"genres.tmdb_id", "genres.name_en", "show_airings.tmdb_id"}
    expected |= {"watch_providers_registry.tmdb_id", "watch_providers_registry.name"}
    for medium in MEDIA:
        one, tables = medium.singular, tables_of(medium)
        expected |= {f"{medium}.tmdb_id", f"{medium}.title", f"{one}_related.related_{one}_id"}
        expected |= {f"{one}_{name}" for name in children}
        expected |= {f"{name}.{one}_id" for name in metadata.tables if name.startswith(f"{one}_")}
        assert tables.titles.c.trending_updated_at.nullable
    expected -= {"show_airings.show_id"}
    assert needed == expected
