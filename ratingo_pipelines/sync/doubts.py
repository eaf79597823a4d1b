"""Doubts as a batch, and an operator, meet them: judged when the batch is over, told, accepted.

What is doubted, and when it is believed, is decided in `trust.doubts`; what is then taken away is `emptying`'s.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import doubts
from ratingo_pipelines.storage.doubts import Doubt, DoubtCount
from ratingo_pipelines.storage.engine import Database, retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext, utc_now
from ratingo_pipelines.sync.emptying import take_away
from ratingo_pipelines.sync.trust.doubts import SECOND_ANSWER_AFTER, DoubtsVerdict, Ledger, judge, key_of, many_said
from ratingo_pipelines.sync.trust.entries import AskedFor
from ratingo_pipelines.text import counted

HOURS = SECOND_ANSWER_AFTER.seconds // 3600


@dataclass(frozen=True)
class Judged:
    """What a person should know of a batch's doubts: `problems` are the source's fault, `notes` are not."""

    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def asked_of(settings: Settings, medium: Medium) -> AskedFor:
    """What the settings ask the sources for."""
    return AskedFor(medium, settings.regions, settings.locales)


def conclude(ctx: SyncContext, medium: Medium, ledger: Ledger) -> Judged:
    """Judge what a batch emptied, now that it is over: mark those of many, carry out what is believed."""
    doubted = {tmdb_id for ids in ledger.emptied.values() for tmdb_id in ids}
    if not doubted:
        return Judged()
    verdict = _judged(ctx, medium, ledger, doubted)
    for tmdb_id, believed in verdict.believed.items():
        take_away(ctx.database, asked_of(ctx.settings, medium), tmdb_id, believed, ctx.now())
    return Judged(tuple(_notes(medium, verdict)), tuple(_problems(medium, ledger, verdict)))


@retried_transaction
def _judged(ctx: SyncContext, medium: Medium, ledger: Ledger, doubted: Collection[int]) -> DoubtsVerdict:
    with ctx.database.writing() as conn:
        verdict = judge(ledger, doubts.of_titles(conn, medium, doubted), ctx.now())
        for key, ids in sorted(verdict.many.items()):
            doubts.mark_many(conn, medium, key, ids)
    return verdict


def _notes(medium: Medium, verdict: DoubtsVerdict) -> Iterator[str]:
    if verdict.kept:
        titles = counted(len({doubt.tmdb_id for doubt in verdict.kept}), medium.singular)
        yield (
            f"{titles} came without what they had ({_parts(verdict.kept)}). It is kept until another answer, "
            f"{HOURS} hours on or later, says the same; `ratingo doubts` lists them."
        )
    if verdict.believed:
        told = [doubt for believed in verdict.believed.values() for doubt in believed]
        yield f"{counted(len(verdict.believed), medium.singular)} lost what two answers say is gone ({_parts(told)})."


def _parts(told: Sequence[Doubt]) -> str:
    return ", ".join(f"{key}: {count}" for key, count in sorted(Counter(key_of(doubt) for doubt in told).items()))


def _problems(medium: Medium, ledger: Ledger, verdict: DoubtsVerdict) -> Iterator[str]:
    for key, ids in sorted(verdict.many.items()):
        yield many_said(medium.plural, key, len(ids), ledger.had[key])


@dataclass(frozen=True)
class OpenDoubts:
    """The open doubts about one part and region of a medium."""

    count: DoubtCount
    titles: Sequence[Doubt]


def open_doubts(database: Database, media: Sequence[Medium] = MEDIA) -> list[OpenDoubts]:
    """All open doubts, by medium, part and region."""
    with database.reading() as conn:
        return [
            OpenDoubts(count, doubts.open_doubts(conn, tables_of(medium), count.part, count.region))
            for medium in media
            for count in doubts.counts(conn, medium)
        ]


def accept(settings: Settings, database: Database, part: str, region: str | None, media: Sequence[Medium]) -> int:
    """Believe the open doubts about a part now; how many titles lose it."""
    accepted = 0
    for medium in media:
        with database.reading() as conn:
            found = doubts.open_doubts(conn, tables_of(medium), part, region)
        by_title: dict[int, list[Doubt]] = {}
        for doubt in found:
            by_title.setdefault(doubt.tmdb_id, []).append(doubt)
        for tmdb_id in sorted(by_title):
            take_away(database, asked_of(settings, medium), tmdb_id, by_title[tmdb_id], utc_now())
        accepted += len(by_title)
    return accepted
