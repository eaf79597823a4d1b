"""Rows that many titles share."""

import pytest
from sqlalchemy import text

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import shared
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import genres, tables_of, watch_providers_registry
from ratingo_pipelines_tests.storage.examples import rows_of, save_title

SHOW = tables_of(SHOWS)


def test_genres_are_known_by_both_names(database: Database) -> None:
    with database.writing() as conn:
        ids = shared.put_genres(conn, [(18, "Drama", "Драма"), (16, "Animation", None)])
        assert shared.genres_known(conn, [18, 99]) == {18: ids[18]}
    stored = {row["tmdb_id"]: (row["id"], row["name_en"], row["name_uk"]) for row in rows_of(database, genres)}
    assert stored == {18: (ids[18], "Drama", "Драма"), 16: (ids[16], "Animation", None)}


def test_a_genre_without_a_ukrainian_name_keeps_the_one_it_has(database: Database) -> None:
    for named in [(18, "Drama", "Драма"), (18, "Dramas", None)]:
        with database.writing() as conn:
            shared.put_genres(conn, [named])
    assert [(row["name_en"], row["name_uk"]) for row in rows_of(database, genres)] == [("Dramas", "Драма")]


def test_shared_rows_that_do_not_change_are_not_written(database: Database) -> None:
    for _ in range(2):
        with database.writing() as conn:
            shared.put_genres(conn, [(18, "Drama", "Драма")])
            shared.put_providers(conn, [(8, "Netflix", "/n.jpg")])
    first = rows_of(database, genres) + rows_of(database, watch_providers_registry)
    with database.writing() as conn:
        shared.put_genres(conn, [(18, "Drama", "Драма"), (18, "Drama", "Драма")])
        shared.put_providers(conn, [(8, "Netflix", None)])
    assert rows_of(database, genres) + rows_of(database, watch_providers_registry) == first


def test_shared_rows_burn_no_sequence_value(postgres_url: object) -> None:
    database = Database(postgres_url())  # type: ignore[operator]
    for turn in range(50):
        with database.writing() as conn:
            shared.put_genres(conn, [(18, f"Drama {turn}", None), (16, "Animation", None)])
            shared.put_stubs(conn, SHOW, [{"tmdb_id": 1, "title": "Stub"}])
    with database.reading() as conn:
        assert conn.execute(text("SELECT last_value FROM genres_id_seq")).scalar_one() == 2
        assert conn.execute(text("SELECT last_value FROM shows_id_seq")).scalar_one() == 1
    database.dispose()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Netflix", "netflix"),
        ("Amazon Prime Video", "amazon-prime-video"),
        ("Київстар ТБ", "-"),
        ("HBO Max 2", "hbo-max-2"),
    ],
)
def test_a_providers_slug_is_its_name_in_lower_case_with_dashes(database: Database, name: str, slug: str) -> None:
    with database.writing() as conn:
        shared.put_providers(conn, [(8, name, None)])
    assert [row["slug"] for row in rows_of(database, watch_providers_registry)] == [slug]


def test_a_provider_that_is_renamed_keeps_its_key_and_logo(database: Database) -> None:
    for named in [(8, "Sweet", "/s.jpg"), (8, "Sweet TV", None)]:
        with database.writing() as conn:
            shared.put_providers(conn, [named])
    row = rows_of(database, watch_providers_registry)[0]
    assert (row["id"], row["name"], row["slug"], row["logo_path"]) == (1, "Sweet TV", "sweet-tv", "/s.jpg")


def test_a_stub_never_touches_a_title_that_is_known(database: Database) -> None:
    save_title(database, 42)
    before = rows_of(database, SHOW.titles)
    with database.writing() as conn:
        stubs = [{"tmdb_id": 42, "title": "Stub", "overview": None}, {"tmdb_id": 7, "title": "New"}]
        ids = shared.put_stubs(conn, SHOW, stubs)
    after = rows_of(database, SHOW.titles)
    assert after[:1] == before
    assert ids == {42: before[0]["id"], 7: after[1]["id"]}
    assert (after[1]["title"], after[1]["trending_score"], after[1]["rating_trakt"]) == ("New", None, None)


def test_stubs_of_different_shapes_are_stored(database: Database) -> None:
    with database.writing() as conn:
        stubs = [
            {"tmdb_id": 1, "title": "One"},
            {"tmdb_id": 2, "title": "Two", "poster": "/p.jpg", "popularity_tmdb": 3},
        ]
        shared.put_stubs(conn, SHOW, stubs)
        assert shared.put_stubs(conn, SHOW, []) == {}
    assert [(row["title"], row["poster"]) for row in rows_of(database, SHOW.titles)] == [
        ("One", None),
        ("Two", "/p.jpg"),
    ]
