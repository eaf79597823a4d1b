"""IMDb's daily dataset: ratings and votes of every title whose IMDb id is known, all at once and from nobody's quota.

How it is asked for and read is `sources.imdb`'s, whose rating is written where several give one `precedence`'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import RowMapping

from ratingo_pipelines.measures.scoring import primary_rating
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.sources.imdb import API, ImdbRating, ImdbRatings, fetch_ratings
from ratingo_pipelines.storage import datasets, provenance
from ratingo_pipelines.storage.datasets import DatasetRead
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.provenance import Origin
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.asking import NotBelieved
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.precedence import IMDB_DATASET, RATING_IMDB, settle
from ratingo_pipelines.sync.report import BatchReport, Meter

STAGE = "imdb"
OFF = "IMDb's dataset is not asked for: IMDB_DATASET is off (it is for personal and non-commercial use only)"
UNCHANGED = "the dataset is the one that was read last"
NOT_IN_IT = "not rated in IMDb's dataset"
AT_ONCE = 1_000
"""Titles in one transaction."""
CREDIT = "Information courtesy of IMDb (https://www.imdb.com). Used with permission."


def backfill_imdb(ctx: SyncContext) -> list[BatchReport]:
    """Bring ratings and votes of all titles with an IMDb id to what the dataset says; a report a medium.

    The whole file is read before anything is written: one that is cut or garbled changes nothing. Raises
    `SourceUnavailable`, `BadPayload`, and `NotBelieved` where it has less than half of the rows it last had.
    """
    meter = Meter(ctx)
    if ctx.settings.imdb_dataset == "off":
        return [BatchReport(medium.plural, STAGE, notes=(OFF,)) for medium in MEDIA]
    url = ctx.settings.imdb_dataset_url
    with ctx.database.reading() as conn:
        titles = {medium: datasets.imdb_ids(conn, tables_of(medium)) for medium in MEDIA}
        last = datasets.last_read(conn, datasets.IMDB)
    wanted = {imdb_id.encode() for of_medium in titles.values() for _, imdb_id in of_medium}
    checksum = _checksum(titles)
    is_same = last is not None and (last.url, last.titles) == (url, checksum)
    found = fetch_ratings(ctx.settings, wanted, last.etag if last and is_same else None)
    if last is not None and found is None:
        note = f"{UNCHANGED}, at {last.read_at:%Y-%m-%d %H:%M} UTC"
        return [_report(medium, meter, titles[medium], notes=(note,)) for medium in MEDIA]
    assert found is not None  # noqa: S101 - without an ETag there is an answer
    if last is not None and last.url == url and found.rows < last.rows / 2:
        said = f"the dataset has {found.rows} rows, the last one had {last.rows}; nothing was changed"
        raise NotBelieved(API, said)
    reports = []
    for medium in MEDIA:
        updated = sum(_store(ctx, medium, part, found) for part in _parts(titles[medium]))
        rated = sum(imdb_id in found.ratings for _, imdb_id in titles[medium])
        reports.append(_report(medium, meter, titles[medium], rated, updated, notes=(CREDIT,)))
    _remember(ctx, DatasetRead(datasets.IMDB, url, found.etag, checksum, found.rows, ctx.now()))
    return reports


def _parts(titles: Sequence[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    return (titles[start : start + AT_ONCE] for start in range(0, len(titles), AT_ONCE))


@retried_transaction
def _store(ctx: SyncContext, medium: Medium, titles: Sequence[tuple[int, str]], found: ImdbRatings) -> int:
    """Write what differs of these titles; how many did."""
    tables, now = tables_of(medium), ctx.now()
    ids = [title_id for title_id, imdb_id in titles if imdb_id in found.ratings]
    if not ids:
        return 0
    with ctx.database.writing() as conn:
        rows = datasets.lock_rated(conn, tables, ids)
        known = provenance.origins_of(conn, medium, [row["tmdb_id"] for row in rows])
        changed: list[tuple[int, dict[str, Any]]] = []
        origins: dict[int, Mapping[str, Origin]] = {}
        for row in rows:
            # The id may have been corrected meanwhile.
            if (rating := found.ratings.get(row["imdb_id"])) is None:
                continue
            told = {"rating_imdb": rating.average, "imdb_votes": rating.votes}
            settled = settle(told, {RATING_IMDB: IMDB_DATASET}, row, known.get(row["tmdb_id"], {}), now)
            if settled.origins:
                origins[row["tmdb_id"]] = settled.origins
            if _differs(row, rating):
                primary = primary_rating(row["rating_tmdb"], row["rating_trakt_avg"], rating.average)
                changed.append((row["id"], {**told, "primary_rating": primary}))
        on_record = [(tmdb_id, value) for tmdb_id, of_title in known.items() for value in of_title]
        datasets.put_ratings(conn, medium, tables, changed, origins, on_record)
    return len(changed)


def _differs(row: RowMapping, rating: ImdbRating) -> bool:
    return (row["rating_imdb"], row["imdb_votes"]) != (rating.average, rating.votes)


@retried_transaction
def _remember(ctx: SyncContext, read: DatasetRead) -> None:
    with ctx.database.writing() as conn:
        datasets.put_read(conn, read)


def _checksum(titles: Mapping[Medium, Sequence[tuple[int, str]]]) -> int:
    """Of the ids that the dataset is read for: it is read again for titles that are new."""
    ids = sorted({imdb_id for of_medium in titles.values() for _, imdb_id in of_medium})
    return crc32(" ".join(ids).encode()) % 2**31


def _report(
    medium: Medium,
    meter: Meter,
    titles: Sequence[tuple[int, str]],
    rated: int = 0,
    updated: int = 0,
    *,
    notes: tuple[str, ...],
) -> BatchReport:
    lacking = len(titles) - rated if rated else 0
    return BatchReport(
        medium=medium.plural,
        stage=STAGE,
        fetched=len(titles),
        updated=updated,
        succeeded=rated,
        skipped={NOT_IN_IT: lacking} if lacking else {},
        notes=notes,
        seconds=meter.seconds,
    )
