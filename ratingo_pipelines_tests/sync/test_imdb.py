"""IMDb's dataset: what it says of known titles is what they have; a file that is not whole changes nothing."""

from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import BadPayload, SourceError, SourceUnavailable
from ratingo_pipelines.storage import datasets, pipeline_tables
from ratingo_pipelines.storage.pipeline_tables import provenance
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.imdb import NOT_IN_IT, OFF, UNCHANGED, backfill_imdb
from ratingo_pipelines.sync.omdb_turns import due_at_omdb
from ratingo_pipelines_tests.sync.syncing import Clock, all_rows, altered, pass_time, run_cycle, title_rows


@pytest.fixture
def filled(ctx: SyncContext) -> SyncContext:
    """Both media with a cycle each, the dataset switched on."""
    for medium in MEDIA:
        run_cycle(ctx, medium)
    return altered(ctx, imdb_dataset="on")


def truths(sandbox: RunningSandbox) -> dict[int, dict[str, Any]]:
    """What OMDb and IMDb say of the titles of the list of shows."""
    found = sandbox.truth(SHOWS)
    return {each["tmdb"]: each["facts"] for each in found if each["skip"] is None}


def of_imdb(ctx: SyncContext) -> dict[int, tuple[Any, ...]]:
    columns = ("rating_imdb", "imdb_votes", "primary_rating")
    return {i: tuple(row[c] for c in columns) for i, row in title_rows(ctx.database).items()}


def test_every_known_title_gets_what_the_dataset_says(
    filled: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    pass_time(sandbox, clock, hours=6, epochs=1)

    reports = backfill_imdb(filled)

    rows, compared = title_rows(filled.database), 0
    for tmdb_id, facts in truths(sandbox).items():
        if tmdb_id in rows and facts["omdb"] == "answer":
            row, told = rows[tmdb_id], facts["after_omdb"]
            assert (row["rating_imdb"], row["imdb_votes"]) == (told["rating_imdb"], told["imdb_votes"])
            compared += 1
    assert compared > 5
    assert all(report.ok and report.updated for report in reports)
    assert {report.medium for report in reports} == {"shows", "movies"}
    sources = {row["source"] for row in all_rows(filled.database, provenance) if row["value"] == "rating_imdb"}
    assert "imdb" in sources


def test_what_is_right_already_is_not_written_again(filled: SyncContext) -> None:
    backfill_imdb(filled)
    before = {medium: title_rows(filled.database, medium) for medium in MEDIA}

    [shows, movies] = backfill_imdb(filled)

    assert (shows.updated, movies.updated) == (0, 0)
    assert all(report.notes[0].startswith(UNCHANGED) for report in (shows, movies))
    assert {medium: title_rows(filled.database, medium) for medium in MEDIA} == before


def test_the_dataset_is_read_again_for_titles_that_are_known_since(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    on = altered(ctx, imdb_dataset="on")
    run_cycle(ctx)
    backfill_imdb(on)
    run_cycle(ctx, MOVIES)

    [_, movies] = backfill_imdb(on)

    assert movies.succeeded > 0
    assert sandbox.counters()["imdb"]["statuses"] == {"200": 2}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "cut"}, SourceUnavailable),
        ({"kind": "malformed"}, BadPayload),
        ({"kind": "status", "status": 503}, SourceUnavailable),
        ({"kind": "html"}, BadPayload),
        ({"kind": "reset"}, SourceUnavailable),
    ],
    ids=["cut", "garbled", "refused", "a web page", "reset"],
)
def test_a_file_that_is_not_whole_changes_nothing(
    filled: SyncContext, sandbox: RunningSandbox, fault: dict[str, Any], error: type[SourceError]
) -> None:
    before = of_imdb(filled)
    sandbox.faults({**fault, "api": "imdb"})

    with pytest.raises(error, match="nothing was changed"):
        backfill_imdb(filled)

    assert of_imdb(filled) == before
    with filled.database.reading() as conn:
        assert datasets.last_read(conn, datasets.IMDB) is None


def test_a_file_of_less_than_half_its_rows_is_not_believed(filled: SyncContext, sandbox: RunningSandbox) -> None:
    backfill_imdb(filled)
    before = of_imdb(filled)
    few = b"tconst\taverageRating\tnumVotes\ntt0000001\t5.0\t10\n"
    with filled.database.writing() as conn:
        conn.execute(pipeline_tables.datasets.update().values(titles=1, rows=len(few) * 1_000_000))

    with pytest.raises(SourceError, match="nothing was changed"):
        backfill_imdb(filled)

    assert of_imdb(filled) == before


def test_titles_that_it_does_not_rate_keep_what_they_have(filled: SyncContext, sandbox: RunningSandbox) -> None:
    backfill_imdb(filled)
    lacking = [i for i, facts in truths(sandbox).items() if facts["omdb"] != "answer"]
    before = of_imdb(filled)
    with filled.database.writing() as conn:
        conn.execute(pipeline_tables.datasets.delete())
    reports = backfill_imdb(filled)
    assert {i: of_imdb(filled)[i] for i in lacking if i in before} == {i: before[i] for i in lacking if i in before}
    assert all(set(report.skipped) <= {NOT_IN_IT} for report in reports)


def test_omdb_is_asked_only_for_what_the_dataset_lacks(filled: SyncContext) -> None:
    shows = tables_of(SHOWS).titles
    with filled.database.writing() as conn:
        conn.execute(shows.update().values(rating_imdb=None, imdb_votes=None, rating_metacritic=70.0))
    off = altered(filled, imdb_dataset="off")
    assert due_at_omdb(off, SHOWS) > 0

    backfill_imdb(filled)

    rated = {row["tmdb_id"] for row in all_rows(filled.database, provenance) if row["source"] == "imdb"}
    with_id = [row for row in title_rows(filled.database).values() if row["imdb_id"]]
    assert due_at_omdb(filled, SHOWS) == sum(row["tmdb_id"] not in rated for row in with_id)


def test_where_it_is_off_nobody_is_asked(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    reports = backfill_imdb(ctx)
    assert [report.notes for report in reports] == [(OFF,), (OFF,)]
    assert "imdb" not in sandbox.counters() or not sandbox.counters()["imdb"]["statuses"]
