"""Titles and their children: compared before they are written, replaced without piling up, keys stable."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.storage import asked, titles
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.errors import StorageBusy
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import CHILDREN, NOW, child_rows, count, rows_of, save_title, title_values

SHOW = tables_of(SHOWS)
PROVIDERS_KEY = ("region", "provider_id", "category")


def _offer(**others: object) -> dict[str, object]:
    offer = {"region": "UA", "provider_id": 8, "provider_name": "Netflix", "category": "flatrate", "rank": 1}
    return offer | {"logo_path": None, "link_url": None} | others


def _writes(database: Database) -> list[str]:
    """The statements that write, save those that found nothing to do."""
    statements: list[str] = []

    @event.listens_for(database.engine, "after_cursor_execute")
    def record_check(conn: Connection, cursor: Any, statement: str, *others: object) -> None:
        if statement.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"} and cursor.rowcount:
            statements.append(statement)

    return statements


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_title_is_stored_with_all_its_children(database: Database, medium: Medium) -> None:
    t = tables_of(medium)
    title_id = save_title(database, 42, medium=medium, related=[7, 8])

    row = rows_of(database, t.titles, tmdb_id=42)[0]
    assert {name: row[name] for name in title_values(42)} == title_values(42)
    for name, (rows, _) in child_rows().items():
        stored = rows_of(database, getattr(t, name))
        assert [{column: row[column] for column in wanted} for row, wanted in zip(stored, rows, strict=True)] == rows
        assert {row[t.parent_key] for row in stored} == {title_id}
    assert [row["rank"] for row in rows_of(database, t.related)] == [1, 2]
    assert [row["watchers"] for row in rows_of(database, t.snapshots)] == [1]


def test_storing_the_same_title_again_writes_nothing(database: Database) -> None:
    save_title(database, 42, related=[7, 8])
    before = [rows_of(database, getattr(SHOW, name)) for name in ("titles", *CHILDREN)]
    statements = _writes(database)

    save_title(database, 42, related=[7, 8])

    assert statements == []
    assert [rows_of(database, getattr(SHOW, name)) for name in ("titles", *CHILDREN)] == before


def test_a_changed_title_keeps_every_key_and_moves_updated_at(database: Database) -> None:
    save_title(database, 42, related=[7, 8])
    before = {name: rows_of(database, getattr(SHOW, name)) for name in ("titles", *CHILDREN)}

    save_title(database, 42, version=2, related=[7, 8], at=NOW + timedelta(seconds=1))

    for name, old in before.items():
        new = rows_of(database, getattr(SHOW, name))
        assert [row["id"] for row in new] == [row["id"] for row in old]
        changed = {
            column for one, other in zip(old, new, strict=True) for column in one if one[column] != other[column]
        }
        assert ("updated_at" in changed) == (name not in {"genres", "snapshots", "related"})


def test_only_the_columns_that_differ_are_updated(database: Database) -> None:
    save_title(database, 42)
    statements = _writes(database)
    with database.writing() as conn:
        known = titles.lock_title(conn, SHOW, 42)
        titles.put_title(conn, SHOW, known, title_values(42, status="Ended"))

    assert len(statements) == 1
    assert "status" in statements[0]
    assert "overview" not in statements[0]


def test_a_thousand_resyncs_burn_no_sequence_value(database: Database) -> None:
    title_id = save_title(database, 42, related=[7, 8])
    highest = {name: max(row["id"] for row in rows_of(database, getattr(SHOW, name))) for name in CHILDREN}
    parent = {"show_id": title_id}
    # SQLite has no sequence to burn: there, a few show that the keys stay.
    for version in range(2, 1_002 if database.dialect == "postgresql" else 52):
        if version % 50 == 0:
            save_title(database, 42, version=version, related=[7, 8], at=NOW + timedelta(seconds=1))
            continue
        with database.writing() as conn:
            known = titles.lock_title(conn, SHOW, 42)
            titles.put_title(conn, SHOW, known, title_values(42, version))
            for name in ("ratings", "cast"):
                rows, key = child_rows(version)[name]
                titles.replace_children(conn, getattr(SHOW, name), parent, rows, key)

    with database.writing() as conn:
        titles.put_title(conn, SHOW, None, {"tmdb_id": 43, "title": "The next one"})
    assert rows_of(database, SHOW.titles, tmdb_id=43)[0]["id"] == 4
    if database.dialect == "postgresql":
        with database.reading() as conn:
            for name in CHILDREN:
                table = getattr(SHOW, name).name
                last = conn.execute(text(f"SELECT last_value FROM {table}_id_seq")).scalar_one()  # noqa: S608
                assert (table, last) == (table, highest[name])


def test_what_the_source_no_longer_lists_is_removed(database: Database) -> None:
    save_title(database, 42)
    with database.writing() as conn:
        parent = {"show_id": 1}
        kept = _offer()
        changes = titles.replace_children(conn, SHOW.watch_providers, parent, [kept], PROVIDERS_KEY)
    assert changes == (1, 0, 12)
    assert [row["provider_name"] for row in rows_of(database, SHOW.watch_providers)] == ["Netflix"]


def test_replacing_touches_only_the_rows_of_its_parent(database: Database) -> None:
    save_title(database, 42)
    save_title(database, 43)
    with database.writing() as conn:
        titles.replace_children(conn, SHOW.cast, {"show_id": 1}, [], ("person_id", "character"))
        scope = {"show_id": 2, "source": "imdb"}
        titles.replace_children(conn, SHOW.rating_buckets, scope, [{"bucket": 1, "count": 5}], ("source", "bucket"))
    assert {row["show_id"] for row in rows_of(database, SHOW.cast)} == {2}
    assert count(database, SHOW.rating_buckets) == 21


def test_rows_with_null_in_their_key_do_not_pile_up(database: Database) -> None:
    save_title(database, 42)
    offer = _offer(provider_id=None, category=None)
    for _ in range(3):
        with database.writing() as conn:
            titles.replace_children(conn, SHOW.watch_providers, {"show_id": 1}, [offer], PROVIDERS_KEY)
    assert len(rows_of(database, SHOW.watch_providers)) == 1


def test_duplicates_that_an_old_database_holds_are_reduced_to_the_oldest(database: Database) -> None:
    save_title(database, 42)
    offer = _offer(show_id=1, provider_id=None)
    with database.writing() as conn:
        conn.execute(SHOW.watch_providers.delete())
        conn.execute(SHOW.watch_providers.insert(), [offer, offer, offer])
    oldest = rows_of(database, SHOW.watch_providers)[0]["id"]
    with database.writing() as conn:
        changes = titles.replace_children(conn, SHOW.watch_providers, {"show_id": 1}, [offer], PROVIDERS_KEY)
    assert changes == (0, 0, 2)
    assert [row["id"] for row in rows_of(database, SHOW.watch_providers)] == [oldest]


def test_of_two_rows_with_one_key_the_first_is_stored(database: Database) -> None:
    save_title(database, 42)
    rows = [_offer(rank=1), _offer(rank=2)]
    with database.writing() as conn:
        titles.replace_children(conn, SHOW.watch_providers, {"show_id": 1}, rows, PROVIDERS_KEY)
    assert [row["rank"] for row in rows_of(database, SHOW.watch_providers)] == [1]


def test_a_row_that_stays_is_not_made_worse_by_null(database: Database) -> None:
    save_title(database, 42)
    sparse = [{**row, "logo_path": None, "link_url": None, "rank": None} for row in child_rows()["watch_providers"][0]]
    videos = [{**row, "name": "Renamed", "published_at": None} for row in child_rows()["videos"][0]]
    before = rows_of(database, SHOW.watch_providers)
    with database.writing() as conn:
        unchanged = titles.replace_children(conn, SHOW.watch_providers, {"show_id": 1}, sparse, PROVIDERS_KEY)
        renamed = titles.replace_children(conn, SHOW.videos, {"show_id": 1}, videos, ("site", "key"))
    assert (unchanged, renamed) == ((0, 0, 0), (0, 6, 0))
    assert rows_of(database, SHOW.watch_providers) == before
    assert {(row["name"], row["published_at"]) for row in rows_of(database, SHOW.videos)} == {("Renamed", NOW)}


def test_rows_that_are_to_be_exactly_these_lose_what_is_null(database: Database) -> None:
    save_title(database, 42)
    rows = [
        {"locale": "uk-UA", "title": None, "overview": "Новий опис", "tagline": None},
        {"locale": "pl-PL", "title": "Tytuł", "overview": None, "tagline": None},
    ]
    for expected in ((1, 1, 1), (0, 0, 0)):
        with database.writing() as conn:
            parent, table = {"show_id": 1}, SHOW.translations
            assert titles.replace_children(conn, table, parent, rows, ("locale",), exact=True) == expected
    stored = {row["locale"]: (row["title"], row["overview"]) for row in rows_of(database, SHOW.translations)}
    assert stored == {"uk-UA": (None, "Новий опис"), "pl-PL": ("Tytuł", None)}


def test_a_title_s_children_come_in_the_order_they_were_written_in(database: Database) -> None:
    save_title(database, 42)
    # Asked for by source as well, SQLite reads them by the unique index, which has them by bucket.
    scope = {"show_id": 1, "source": "imdb"}
    rows = [{"bucket": bucket, "count": 5} for bucket in (9, 3, 7, 1)]
    with database.writing() as conn:
        titles.replace_children(conn, SHOW.rating_buckets, scope, rows, ("source", "bucket"))
        read = titles.children_of(conn, SHOW.rating_buckets, scope)
    assert [row["bucket"] for row in read] == [9, 3, 7, 1]


def test_the_newest_cycle_of_a_title_never_goes_back(database: Database) -> None:
    save_title(database, 42, trending_updated_at=NOW)
    for instant in (NOW - timedelta(hours=6), None):
        save_title(database, 42, trending_updated_at=instant)
        assert rows_of(database, SHOW.titles)[0]["trending_updated_at"] == NOW
    save_title(database, 42, trending_updated_at=NOW + timedelta(hours=6))
    assert rows_of(database, SHOW.titles)[0]["trending_updated_at"] == NOW + timedelta(hours=6)


def test_a_title_that_another_writer_inserted_meanwhile_is_to_be_read_again(database: Database) -> None:
    save_title(database, 42)
    with pytest.raises(StorageBusy, match="another writer stored show 42 just now"), database.writing() as conn:
        titles.put_title(conn, SHOW, None, title_values(42, status="Ended"))
    assert [row["status"] for row in rows_of(database, SHOW.titles)] == ["Returning Series"]


def test_one_tmdb_id_may_be_a_show_and_a_movie(database: Database) -> None:
    save_title(database, 42)
    save_title(database, 42, medium=MOVIES)
    with database.reading() as conn:
        assert titles.known_ids(conn, SHOW, [42, 43]) == titles.known_ids(conn, tables_of(MOVIES), [42]) == {42: 1}


def test_an_error_inside_a_transaction_leaves_nothing_of_it(database: Database) -> None:
    def break_off() -> None:
        with database.writing() as conn:
            title_id = titles.put_title(conn, SHOW, None, title_values(42))
            rows, key = child_rows()["cast"]
            titles.replace_children(conn, SHOW.cast, {"show_id": title_id}, rows, key)
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        break_off()
    assert (count(database, SHOW.titles), count(database, SHOW.cast)) == (0, 0)


def test_only_titles_with_a_score_and_watchers_are_listed(database: Database) -> None:
    save_title(database, 1)
    save_title(database, 2, trending_score=None)
    save_title(database, 3, rating_trakt=None)
    with database.reading() as conn:
        assert titles.listed_tmdb_ids(conn, SHOW) == {1: 1}


def test_the_meta_backfill_is_due_for_what_lacks_something_trending_titles_first(database: Database) -> None:
    entries: dict[str, Any] = {"watch_providers": [{"region": "UA", "id": 8}]}
    whole: dict[str, Any] = {"first_air_date": "2026-01-01", **entries}
    save_title(database, 1, **whole)
    save_title(database, 2, **whole, trending_score=None, overview=None)
    save_title(database, 3, **whole, trending_score=None, genres=None)
    save_title(database, 4, **whole, title_uk=None)
    save_title(database, 5, **entries)
    with database.writing() as conn:
        asked.record_check(conn, SHOWS, 2, "meta", NOW - timedelta(days=5), answered=False)
        asked.record_check(conn, SHOWS, 5, "meta", NOW, answered=False)
        assert asked.incomplete_titles(conn, SHOW, NOW) == [4, 3, 2]
        assert asked.incomplete_titles(conn, SHOW, NOW, limit=1) == [4]
        assert asked.incomplete_titles(conn, SHOW, NOW + timedelta(days=1)) == [4, 5, 3, 2]


def test_an_empty_list_is_due_at_once_then_after_a_day_and_after_a_month_and_no_more(database: Database) -> None:
    save_title(database, 1, first_air_date="2026-01-01", watch_providers=[])
    waits = [timedelta(), timedelta(days=1), timedelta(days=30)]
    now = NOW
    with database.writing() as conn:
        for wait in waits:
            assert wait == timedelta() or asked.incomplete_titles(conn, SHOW, now + wait - timedelta(minutes=1)) == []
            now += wait
            assert asked.incomplete_titles(conn, SHOW, now) == [1]
            asked.record_check(conn, SHOWS, 1, asked.EMPTY, now, answered=False)
        assert asked.incomplete_titles(conn, SHOW, now + timedelta(days=400)) == []


def test_omdb_is_due_for_what_lacks_a_rating_listed_titles_first(database: Database) -> None:
    known: dict[str, Any] = {"rating_imdb": 7.0, "imdb_votes": 10, "rating_metacritic": 70.0}
    save_title(database, 1, **known)
    save_title(database, 2, trending_score=None)
    save_title(database, 3, **known | {"rating_metacritic": None}, trending_updated_at=NOW)
    save_title(database, 4, trending_updated_at=NOW)
    save_title(database, 5, imdb_id=None)
    save_title(database, 6, trending_updated_at=NOW - timedelta(hours=6))
    with database.writing() as conn:
        assert [row.tmdb_id for row in asked.titles_lacking_omdb(conn, SHOW, NOW)] == [3, 4, 6, 2]
        asked.record_check(conn, SHOWS, 4, "omdb", NOW, answered=False)
        asked.record_check(conn, SHOWS, 1, "omdb", NOW, answered=True)
        assert [row.tmdb_id for row in asked.titles_lacking_omdb(conn, SHOW, NOW)] == [3, 6, 2]
        assert [row.tmdb_id for row in asked.titles_lacking_omdb(conn, SHOW, NOW, limit=1)] == [3]
        # N/A is asked again after 3 days, a whole answer is refreshed after 7.
        assert 4 in [row.tmdb_id for row in asked.titles_lacking_omdb(conn, SHOW, NOW + timedelta(days=3))]
        assert 1 in [row.tmdb_id for row in asked.titles_lacking_omdb(conn, SHOW, NOW + timedelta(days=7))]
        # Of the listed ones, that due for longest goes first.
        conn.execute(update(SHOW.titles).values(updated_at=NOW + timedelta(days=5)))
        assert [row.tmdb_id for row in asked.titles_lacking_omdb(conn, SHOW, NOW + timedelta(days=7))] == [
            4,
            3,
            6,
            1,
            2,
        ]


def test_a_title_is_known_by_its_names(database: Database) -> None:
    save_title(database, 42)
    with database.reading() as conn:
        name = titles.outlines(conn, SHOW, [42, 43])[42]
        due = asked.omdb_rows(conn, SHOW, [42, 43])
    assert (name.tmdb_id, name.title, name.imdb_id) == (42, "Title 42", "tt0000042")
    assert [row.imdb_id for row in due] == ["tt0000042"]
