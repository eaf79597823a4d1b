"""Hostile values: stored cleaned, or refused with a reason that names the column, the same on both back ends."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import shared, snapshots, titles
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.errors import UnstorableValue
from ratingo_pipelines.storage.tables import genres, tables_of, watch_providers_registry
from ratingo_pipelines.text import clean_text
from ratingo_pipelines_tests.storage.examples import NOW, count, rows_of, save_title, title_values

SHOW = tables_of(SHOWS)
WIDE = 2**31


@pytest.mark.parametrize(
    ("hostile", "clean"),
    [
        ("a\0b", "ab"),
        ("a\ud800b", "ab"),
        ("\ud83d\ude00", "😀"),
        ("🏳️‍🌈 ok", "🏳️‍🌈 ok"),
        (
            "<b>Bold</b> & 'quoted' \"twice\"; DROP TABLE shows; --",
            "<b>Bold</b> & 'quoted' \"twice\"; DROP TABLE shows; --",
        ),
        ("x" * 1_000_000, "x" * 1_000_000),
        ("%s %(name)s :name {0}", "%s %(name)s :name {0}"),
        ("рядок\r\nдва\u2028три", "рядок\r\nдва\u2028три"),
        ("", ""),
    ],
    ids=[
        "nul",
        "lone surrogate",
        "paired surrogates",
        "emoji",
        "html and sql",
        "a million letters",
        "marks",
        "lines",
        "empty",
    ],
)
def test_texts_are_stored_clean_in_columns_and_in_json(database: Database, hostile: str, clean: str) -> None:
    nested = [{"id": 1, "name": hostile, hostile or "key": [hostile]}]
    save_title(database, 42, overview=hostile, genres=nested)
    row = rows_of(database, SHOW.titles)[0]
    assert row["overview"] == clean
    assert row["genres"] == [{"id": 1, "name": clean, clean or "key": [clean]}]


def test_a_hostile_text_does_not_make_a_row_look_changed(database: Database) -> None:
    for _ in range(2):
        save_title(database, 42, overview="a\0b", genres=[{"name": "a\0b"}])
    row = rows_of(database, SHOW.titles)[0]
    updated = row["updated_at"]
    save_title(database, 42, overview="a\0b", genres=[{"name": "a\0b"}])
    assert rows_of(database, SHOW.titles)[0]["updated_at"] == updated


@pytest.mark.parametrize("column", ["rating_tmdb_count", "imdb_votes", "rating_trakt_votes", "number_of_episodes"])
def test_a_number_beyond_32_bits_fails_its_title_and_names_the_column(database: Database, column: str) -> None:
    wide: dict[str, Any] = {column: WIDE}
    widest: dict[str, Any] = {column: WIDE - 1}
    save_title(database, 41)
    with pytest.raises(UnstorableValue, match=f"{column} is {WIDE}, beyond the column's 32 bits"):
        save_title(database, 42, **wide)
    save_title(database, 43, **widest)
    assert [row["tmdb_id"] for row in rows_of(database, SHOW.titles)] == [41, 43]


def test_an_id_beyond_32_bits_fails_its_title_alone(database: Database) -> None:
    with pytest.raises(UnstorableValue, match="tmdb_id is 9999999999"):
        save_title(database, 9_999_999_999)
    with pytest.raises(UnstorableValue, match="tmdb_id"), database.writing() as conn:
        shared.put_stubs(conn, SHOW, [{"tmdb_id": 1, "title": "a"}, {"tmdb_id": WIDE, "title": "b"}])
    assert count(database, SHOW.titles) == 0


def test_a_child_that_cannot_be_stored_takes_back_the_whole_title(database: Database) -> None:
    save_title(database, 42)

    def store() -> None:
        with database.writing() as conn:
            titles.put_title(conn, SHOW, titles.lock_title(conn, SHOW, 42), title_values(42, version=2))
            rows = [{"source": "trakt", "bucket": 1, "count": WIDE}]
            titles.replace_children(conn, SHOW.rating_buckets, {"show_id": 1}, rows, ("source", "bucket"))

    with pytest.raises(UnstorableValue, match="count is"):
        store()
    assert rows_of(database, SHOW.titles)[0]["overview"] == "Overview of version 1"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "many", 10**400])
def test_what_is_no_number_is_refused_the_same_on_both_back_ends(database: Database, value: Any) -> None:
    with pytest.raises(UnstorableValue, match="rating_tmdb is"):
        save_title(database, 42, rating_tmdb=value)
    assert count(database, SHOW.titles) == 0


@pytest.mark.parametrize("value", ["7", 7.5, None])
def test_a_count_that_is_no_integer_is_refused(database: Database, value: Any) -> None:
    if value is None:
        assert save_title(database, 42, imdb_votes=None) == 1
        return
    with pytest.raises(UnstorableValue, match=r"imdb_votes is .*, not an integer"):
        save_title(database, 42, imdb_votes=value)


def test_json_that_is_no_json_is_refused(database: Database) -> None:
    with pytest.raises(UnstorableValue, match="videos holds a value that is not a finite number"):
        save_title(database, 42, videos=[{"size": float("nan")}])


def test_an_impossible_date_is_a_text_like_any_other(database: Database) -> None:
    save_title(database, 42, first_air_date="0000-00-00", next_episode_air_date="")
    row = rows_of(database, SHOW.titles)[0]
    assert (row["first_air_date"], row["next_episode_air_date"]) == ("0000-00-00", "")


def test_instants_are_stored_in_utc_whatever_their_zone(database: Database) -> None:
    kyiv = timezone(timedelta(hours=2))
    save_title(database, 42, trending_updated_at=datetime(2026, 3, 1, 14, 0, tzinfo=kyiv))
    assert rows_of(database, SHOW.titles)[0]["trending_updated_at"] == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    with database.reading() as conn:
        raw = conn.exec_driver_sql("SELECT CAST(trending_updated_at AS TEXT) FROM shows").scalar_one()
    assert raw.startswith("2026-03-01 12:00:00")


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(UnstorableValue, match="time zone"):
        save_title(database, 42, trending_updated_at=datetime(2026, 3, 1))


def test_duplicate_cast_rows_are_stored_once(database: Database) -> None:
    save_title(database, 42)
    person = {"person_id": 1, "name": "A", "character": None, "order": 0, "profile_path": None}
    for _ in range(2):
        with database.writing() as conn:
            rows = [person, person, person | {"character": "b"}, person | {"character": "b\0"}]
            titles.replace_children(conn, SHOW.cast, {"show_id": 1}, rows, ("person_id", "character"))
    assert [row["character"] for row in rows_of(database, SHOW.cast)] == [None, "b"]


def test_an_indexed_text_of_any_length_is_cut_rather_than_refused(database: Database) -> None:
    # Letters that do not compress: an index entry has to hold them.
    endless = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(20_000))
    save_title(database, 42)
    with database.writing() as conn:
        shared.put_genres(conn, [(1, endless, endless)])
        shared.put_providers(conn, [(1, endless, endless)])
        person = {"person_id": 1, "name": endless, "character": endless, "order": 0, "profile_path": None}
        titles.replace_children(conn, SHOW.cast, {"show_id": 1}, [person], ("person_id", "character"))
    assert rows_of(database, genres)[0]["name_en"] == endless[:300]
    assert rows_of(database, genres)[0]["name_uk"] == endless
    assert rows_of(database, watch_providers_registry)[0]["logo_path"] == endless
    assert rows_of(database, SHOW.cast)[0]["name"] == endless


def test_two_titles_that_claim_one_tmdb_id_are_one_row(database: Database) -> None:
    save_title(database, 42, title="One")
    save_title(database, 42, title="Other")
    assert [row["title"] for row in rows_of(database, SHOW.titles)] == ["Other"]
    with database.writing() as conn:
        stubs = [{"tmdb_id": 7, "title": "First"}, {"tmdb_id": 7, "title": "Second"}]
        assert shared.put_stubs(conn, SHOW, stubs) == {7: 2}
    assert rows_of(database, SHOW.titles, tmdb_id=7)[0]["title"] == "First"


def test_null_in_json_is_null_in_sql(database: Database) -> None:
    save_title(database, 42, genres=None)
    with database.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM shows WHERE genres IS NULL").scalar_one() == 1


def test_cyrillic_in_json_is_stored_readably(database: Database) -> None:
    save_title(database, 42, genres=[{"id": 18, "name": "Драма"}])
    with database.reading() as conn:
        assert "Драма" in conn.exec_driver_sql("SELECT CAST(genres AS TEXT) FROM shows").scalar_one()


def test_watchers_beyond_32_bits_are_refused(database: Database) -> None:
    save_title(database, 42)
    with pytest.raises(UnstorableValue, match="watchers is"), database.writing() as conn:
        snapshots.add_snapshot(conn, SHOW, 1, 42, WIDE, NOW)


def test_cleaning_leaves_clean_texts_alone() -> None:
    assert clean_text("Назва 😀 \u0301") == "Назва 😀 \u0301"
