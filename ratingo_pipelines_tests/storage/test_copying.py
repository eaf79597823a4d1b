"""Databases copied from one back end to the other, on real ones of both. The command is in test_db_copy.py."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select, text, update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import copying, cycles, monthly, quota
from ratingo_pipelines.storage.copying import CopyFollower, canonical, copy_database
from ratingo_pipelines.storage.dictionary import all_tables
from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.storage.pipeline_tables import title_changes, version
from ratingo_pipelines.storage.schema import HEAD, differences, ensure_current, upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import NOW, save_title

SHOWN = tables_of(SHOWS)
Open = Callable[..., Database]


class Killed(BaseException):
    """What a follower ends a copy with, between two batches."""


@pytest.fixture
def opened(sqlite_url: Callable[..., str], postgres_url: Callable[..., str]) -> Iterator[Open]:
    """Opens a new database of a back end: `opened("sqlite")`, or `opened("postgres", migrated=False)`."""
    with ExitStack() as stack:

        def make(back_end: str, **how: bool) -> Database:
            database = Database({"sqlite": sqlite_url, "postgres": postgres_url}[back_end](**how))
            stack.callback(database.dispose)
            return database

        yield make


def fill(database: Database) -> None:
    """A little of everything: texts of all kinds, JSON, nulls, floats, instants, rows that belong to others."""
    for tmdb_id in range(1, 6):
        save_title(database, tmdb_id, related=[other for other in (1, 2, 3) if other != tmdb_id], at=NOW)
    entries = [cycles.Entry(rank, rank, rank, None, None, f"Title {rank}", None, 10) for rank in range(1, 21)]
    with database.writing() as conn:
        cycles.open_cycle(conn, SHOWS, NOW, entries, 10_000, "run")
        monthly.put_list(conn, SHOWS, "2025-12", [(n, n, n) for n in range(1, 50)], NOW)
        for day in ("2026-03-01", "2026-02-28"):
            quota.take(conn, "omdb", day, 100)
        titles = SHOWN.titles
        conn.execute(update(titles).where(titles.c.tmdb_id == 1).values(overview="Їжак 🦔\nдругий \\ рядок 'у лапках'"))
        odd = [{"z": 1.0, "a": [1e22, -0.0, 1e-7, None, True], "Ї": "1e+22 🦔"}]
        conn.execute(update(titles).where(titles.c.tmdb_id == 2).values(genres=odd, rating_tmdb=0.1 + 0.2))
        late = NOW + timedelta(microseconds=123_456)
        conn.execute(update(titles).where(titles.c.tmdb_id == 3).values(updated_at=late, popularity_tmdb=-0.0))


def rows_of(database: Database) -> dict[str, list[str]]:
    """All rows of all tables, in words of their own."""
    with database.reading() as conn:
        return {table.name: sorted(map(canonical, conn.execute(select(table)).all())) for table in all_tables()}


def next_id(database: Database) -> int:
    with database.writing() as conn:
        values = {"medium": "shows", "tmdb_id": 1, "kind": "listed", "changed_at": NOW}
        return int(conn.execute(insert(title_changes).values(values).returning(title_changes.c.id)).scalar_one())


@pytest.mark.parametrize("migrated", [True, False])
@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "sqlite"), ("postgres", "postgres")],
)
def test_a_copy_has_every_row_with_its_id_and_goes_on_with_new_ones(
    opened: Open, source: str, target: str, migrated: bool
) -> None:
    origin, copy = opened(source), opened(target, migrated=migrated)
    fill(origin)

    report = copy_database(origin, copy, NOW)

    assert report.same
    assert not report.resumed
    assert [t for t in report.tables if (t.rows, t.checksum) != (t.rows_in_copy, t.checksum_in_copy)] == []
    assert len(report.tables) == len(all_tables())
    assert sum(table.rows for table in report.tables) > 300
    assert rows_of(copy) == rows_of(origin)
    ensure_current(copy)
    known = {table.name: table.rows for table in report.tables}
    save_title(copy, 77, at=NOW)
    with copy.reading() as conn:
        ids = list(conn.execute(select(SHOWN.titles.c.id).order_by(SHOWN.titles.c.id)).scalars())
    assert len(ids) == known["shows"] + 1


def test_a_database_goes_to_postgresql_and_back_unchanged(opened: Open) -> None:
    first, between, last = opened("sqlite"), opened("postgres"), opened("sqlite", migrated=False)
    fill(first)

    checksums = [copy_database(*pair, NOW).tables for pair in ((first, between), (between, last))]

    assert [t.checksum for t in checksums[0]] == [t.checksum_in_copy for t in checksums[1]]
    assert rows_of(first) == rows_of(last)


def test_postgresql_never_gives_an_id_again_that_the_source_gave_to_a_row_since_deleted(opened: Open) -> None:
    origin, copy = opened("postgres"), opened("postgres")
    given = [next_id(origin) for _ in range(5)]
    with origin.writing() as conn:
        conn.execute(delete(title_changes).where(title_changes.c.id > given[0]))

    copy_database(origin, copy, NOW)

    assert next_id(copy) == next_id(origin) == given[-1] + 1


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_copy_that_was_killed_is_refused_by_everything_but_the_copy_that_goes_on(
    opened: Open, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 7)
    origin, copy, other = opened(source), opened(target), opened(source)
    fill(origin)
    kill_after(origin, copy, "show_cast")

    def copy_it(unfinished: Database) -> None:
        copy_database(unfinished, other, NOW)

    refusing: list[Callable[[Database], object]] = [ensure_current, upgrade, differences, copy_it]
    for refused in refusing:
        with pytest.raises(StorageError, match="holds a copy that is not whole: run the same `ratingo db copy` again"):
            refused(copy)
    with pytest.raises(StorageError, match="holds a copy of another database that is not whole"):
        copy_database(other, copy, NOW)
    before = rows_of(copy)
    written: list[int] = []
    event.listen(copy.engine, "before_cursor_execute", lambda *said: written.append(said[2].startswith("INSERT")))
    report = copy_database(origin, copy, NOW)

    assert (report.same, report.resumed, report.copied_again) == (True, True, ())
    assert rows_of(copy) == rows_of(origin)
    lacking = sum(len(rows) - len(before[name]) for name, rows in rows_of(origin).items())
    assert 0 < sum(written) <= lacking


def kill_after(origin: Database, copy: Database, table: str) -> None:
    """End a copy after the second batch of a table."""
    seen = []

    def on_rows(name: str, rows: int) -> None:
        seen.append(name)
        if seen.count(table) == 3:
            raise Killed

    with pytest.raises(Killed):
        copy_database(origin, copy, NOW, CopyFollower(on_rows=on_rows))


def test_what_changed_since_a_killed_copy_is_copied_again(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BATCH", 7)
    origin, copy = opened("sqlite"), opened("postgres")
    fill(origin)
    kill_after(origin, copy, "pipeline_trending")
    with origin.writing() as conn:
        conn.execute(update(SHOWN.titles).values(tagline="Changed since"))
        conn.execute(delete(SHOWN.videos).where(SHOWN.videos.c.id == 1))

    report = copy_database(origin, copy, NOW)

    assert report.same
    assert set(report.copied_again) == {"shows", "show_videos"}
    assert rows_of(copy) == rows_of(origin)


def test_a_value_that_the_other_back_end_cannot_hold_is_named_and_the_copy_stays_marked(opened: Open) -> None:
    origin, copy = opened("sqlite"), opened("postgres")
    fill(origin)
    with origin.writing() as conn:
        conn.execute(text("UPDATE shows SET tagline = 'cut' || char(0) || 'off' WHERE id = 4"))

    report = copy_database(origin, copy, NOW)

    [different] = [table for table in report.tables if not table.same]
    assert (different.name, different.differs_at, different.rows) == ("shows", "4", different.rows_in_copy)
    assert different.checksum != different.checksum_in_copy
    with pytest.raises(StorageError, match="not whole"):
        ensure_current(copy)
    with origin.writing() as conn:
        conn.execute(text("UPDATE shows SET tagline = 'cutoff' WHERE id = 4"))
    assert copy_database(origin, copy, NOW).same


def test_a_row_that_a_unique_index_forbids_is_named(opened: Open) -> None:
    origin, copy = opened("sqlite"), opened("postgres")
    with origin.writing() as conn:
        conn.execute(text("DROP INDEX genres_tmdb_id_uniq_idx"))
        conn.execute(text("INSERT INTO genres (id, tmdb_id, name_en) VALUES (1, 7, 'a'), (999, 7, 'b')"))

    with pytest.raises(StorageError, match=r"genres, rows 1 to 999: .* does not take one of them"):
        copy_database(origin, copy, NOW)


# What is refused


@pytest.mark.parametrize("back_end", ["sqlite", "postgres"])
def test_a_target_with_other_data_or_of_another_migration_is_refused_and_left_alone(
    opened: Open, back_end: str
) -> None:
    origin, full, old = opened("sqlite"), opened(back_end), opened(back_end)
    fill(full)
    with old.writing() as conn:
        conn.execute(update(version).values(version_num="0014"))
    before = rows_of(full)

    with pytest.raises(StorageError, match="holds other data: show_cast has rows"):
        copy_database(origin, full, NOW)
    with pytest.raises(StorageError, match=f"is at migration 0014, FROM at {HEAD}"):
        copy_database(origin, old, NOW)
    with pytest.raises(StorageError, match=r"has an outdated schema \(0014\)"):
        copy_database(old, opened("sqlite"), NOW)
    assert rows_of(full) == before
    ensure_current(full)


def test_a_target_that_only_the_site_filled_is_refused(opened: Open) -> None:
    target = opened("postgres", migrated=False)
    with target.writing() as conn:
        conn.execute(text("CREATE TABLE shows (id serial PRIMARY KEY)"))
        conn.execute(text("INSERT INTO shows DEFAULT VALUES"))

    with pytest.raises(StorageError, match="holds other data: shows has rows"):
        copy_database(opened("sqlite"), target, NOW)


@pytest.mark.parametrize("back_end", ["sqlite", "postgres"])
def test_a_source_that_a_run_works_on_is_refused(opened: Open, back_end: str) -> None:
    origin, copy = opened(back_end), opened("sqlite", migrated=False)
    fill(origin)
    with origin.writing() as conn:
        cycle = cycles.latest_cycle(conn, SHOWS)
        assert cycle is not None
        cycles.claim(conn, cycle.id, "run", NOW + timedelta(minutes=1), NOW, limit=3)

    with pytest.raises(StorageError, match=r"a run is writing to .*: it works on 3 titles"):
        copy_database(origin, copy, NOW)
    assert copy.file is not None
    assert not copy.file.exists()
    assert copy_database(origin, copy, NOW + timedelta(minutes=2)).same


def test_a_source_with_an_open_transaction_that_wrote_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "LOCK_TIMEOUT", "100ms")
    origin = opened("postgres")
    with origin.writing() as conn:
        quota.take(conn, "omdb", "2026-03-01", 100)
        with pytest.raises(StorageError, match="is being written to: stop `ratingo serve` and every sync"):
            copy_database(origin, opened("sqlite"), NOW)


@pytest.mark.parametrize("back_end", ["sqlite", "postgres"])
def test_nobody_can_write_to_the_source_while_it_is_copied(opened: Open, back_end: str) -> None:
    origin = opened(back_end)
    fill(origin)
    quick = Database(origin.url.render_as_string(hide_password=False))
    said: list[str] = []

    def write(*_: Any) -> None:
        if said:
            return
        shorten = "PRAGMA busy_timeout = 50" if back_end == "sqlite" else "SET lock_timeout = '50ms'"
        event.listen(quick.engine, "connect", lambda connection, _: connection.cursor().execute(shorten))
        try:
            with quick.writing() as conn:
                quota.take(conn, "omdb", "2026-03-02", 100)
        except StorageError as error:
            said.append(str(error))

    report = copy_database(origin, opened("sqlite"), NOW, CopyFollower(on_rows=write))

    quick.dispose()
    assert report.same
    assert "lock" in said[0]


def test_a_file_that_is_not_there_is_not_made_and_no_database_is_copied_onto_itself(
    opened: Open, tmp_path: Path
) -> None:
    gone, copy = Database(f"sqlite:///{tmp_path / 'gone.db'}"), opened("sqlite")
    with pytest.raises(StorageError, match=r"gone.db is not there: FROM names nothing to copy"):
        copy_database(gone, copy, NOW)
    assert not (tmp_path / "gone.db").exists()
    with pytest.raises(StorageError, match="FROM and TO are the same"):
        copy_database(copy, Database(copy.url.render_as_string()), NOW)


def test_what_is_not_this_projects_is_named_and_not_copied(opened: Open) -> None:
    origin, copy = opened("postgres"), opened("sqlite")
    with origin.writing() as conn:
        conn.execute(text("CREATE TABLE blog_posts (id serial PRIMARY KEY)"))
        conn.execute(text("ALTER TABLE shows ADD COLUMN likes integer"))

    assert copy_database(origin, copy, NOW).not_copied == ("table blog_posts", "column shows.likes")


def test_the_canonical_text_tells_other_values_apart() -> None:
    values: list[list[Any]] = [
        [1],
        ["1"],
        [1.5],
        [None],
        [True],
        [[1]],
        [{"a": 1}],
        [{"a": "1"}],
        [NOW],
        [NOW + timedelta(seconds=1)],
    ]
    assert len({canonical(value) for value in values}) == len(values)
    assert canonical([{"b": 1e22, "a": -0.0}]) == canonical([{"a": 0.0, "b": 10**22}])
    assert json.loads(canonical([1, "Ї"])) == [1, "Ї"]
