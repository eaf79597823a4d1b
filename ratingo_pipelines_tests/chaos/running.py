"""Runs a scenario: a database that one good cycle filled, then time moves and things go wrong, for three cycles."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import failures
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines.sync.report import BatchReport
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.chaos.scenarios import Scenario
from ratingo_pipelines_tests.exactness import Difference, compare
from ratingo_pipelines_tests.sync.syncing import Clock, settings_for

CYCLES = 3
MIXED = {"trending_updated_at", "snapshots", "watchers_delta", "delta_3m", "trending_score", "primary_rating"}
"""What depends on how far a title came, or on facts of two answers of which one came: neither of before nor of now."""


@dataclass
class Outcome:
    """What became of a scenario."""

    scenario: str
    cycles: int | None
    """How many it took until all was right; None: it never was."""
    requests: int
    retries: int
    stored: int
    """Titles that can be had and are stored with every fact right."""
    expected: int
    wrong: list[str]
    worse: list[str]
    """What was right before and is neither what was nor what is."""
    unlisted: set[int]
    """Titles that cannot be had and of which no failure with a reason is on record."""
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all is as promised."""
        return self.cycles is not None and not self.wrong and not self.worse and not self.unlisted


@dataclass
class Chaos:
    """Where scenarios run: a sandbox, a folder, and lists of such lengths."""

    sandbox: RunningSandbox
    folder: Path
    new_database: Callable[[], str]
    media: Sequence[Medium]
    known: int
    """Length of the lists of the good cycle."""
    listed: int
    """Length of the lists of those in which things go wrong."""
    seed: int = 0

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario on a database of its own."""
        return _Run(self, scenario).outcome()


class _Run:
    def __init__(self, chaos: Chaos, scenario: Scenario) -> None:
        self.chaos, self.scenario, self.sandbox = chaos, scenario, chaos.sandbox
        url = chaos.new_database()
        self.database = Database(url)
        home = chaos.folder / f"home-{url.rpartition('/')[2]}"
        self.settings = settings_for(self.sandbox, home, database_url=url, trending_limit=chaos.known)
        self.clock = Clock()
        self.requests = self.retries = 0
        self.notes: list[str] = []

    def outcome(self) -> Outcome:
        chaos, scenario = self.chaos, self.scenario
        self.sandbox.reset()
        before = {medium: self.sandbox.truth(medium, chaos.known) for medium in chaos.media}
        for medium in chaos.media:
            self._cycle(medium, impaired=False)
        self.sandbox.control("epoch", {"advance": 1})
        now = {medium: self.sandbox.truth(medium, chaos.listed) for medium in chaos.media}
        titles = [entry for truth in now.values() for entry in truth if entry["skip"] is None]
        lost = titles[3 :: max(1, len(titles) // max(scenario.permanent, 1))][: scenario.permanent]
        without = {entry["tmdb"] for entry in lost}
        ids = [{"tmdb": entry["tmdb"], "trakt": entry["trakt"]} for entry in lost]
        self.sandbox.faults(*scenario.faults(ids), seed=chaos.seed)
        self.requests = self.retries = 0
        kept = self._snapshots()
        cycles, worse = None, []
        wrong: list[Difference] = []
        for number in range(1, CYCLES + 1):
            reports = [self._cycle(medium, impaired=True) for medium in chaos.media]
            if number == 1 and scenario.stops and not any(report and report.stopped for report in reports):
                worse.append("nothing stopped the first cycle")
            worse += self._worse(before, now, kept)
            wrong = self._wrong(now, without)
            if scenario.heals:
                self.sandbox.faults()
            if not wrong:
                cycles = number
                break
            if scenario.omdb:
                self.clock.turn(days=1)
        incomplete = {one.place[0] for one in wrong}
        expected = len(titles) - len(without)
        self.database.dispose()
        return Outcome(
            scenario=scenario.name,
            cycles=cycles,
            requests=self.requests,
            retries=self.retries,
            stored=expected - len(incomplete),
            expected=expected,
            wrong=[str(one) for one in wrong],
            worse=worse,
            unlisted=without - self._failing(),
            notes=self.notes,
        )

    def _cycle(self, medium: Medium, *, impaired: bool) -> BatchReport | None:
        """One cycle, as a process of its own would do it: what sessions share does not outlive it."""
        report = None
        changes = {"trending_limit": self.chaos.listed, **self.scenario.settings} if impaired else {}
        with open_sync_context(self.settings.model_copy(update=changes)) as opened:
            ctx = replace(opened, now=self.clock)
            try:
                open_trending_cycle(ctx, medium, "chaos")
                report = sync_pending(ctx, medium, "chaos")
                if self.scenario.omdb and impaired:
                    self._backfill(ctx, medium)
            except SourceError as error:
                self.notes.append(f"{medium}: {error}")
            self.requests += sum(ctx.requests().values())
            apis = [ctx.trakt.api, ctx.tmdb.api] + ([ctx.omdb.api] if ctx.omdb else [])
            self.retries += sum(api.retries for api in apis)
        del ctx, opened, apis
        gc.collect()
        return report

    def _backfill(self, ctx: SyncContext, medium: Medium) -> None:
        report = backfill_omdb(ctx, medium, limit=self.chaos.listed)
        self.notes += [report.stopped] if report.stopped else []

    def _wrong(self, now: Mapping[Medium, Any], without: set[int]) -> list[Difference]:
        """What is not yet right; a title may have been stored whole by an earlier one of the cycles."""
        return [
            one
            for medium, truth in now.items()
            for one in compare(self.database, medium, truth, after_omdb=self.scenario.omdb, without=without)
            if one.part != "trending_updated_at"
        ]

    def _worse(self, before: Mapping[Medium, Any], now: Mapping[Medium, Any], kept: set[Any]) -> list[str]:
        """Facts of titles known before that are right by neither truth, and snapshots that are gone."""
        found = [f"snapshot {one} is gone" for one in kept - self._snapshots()]
        for medium, truth in before.items():
            known = {entry["tmdb"]: entry for entry in truth if entry["skip"] is None}
            listed = {entry["tmdb"]: entry for entry in now[medium] if entry["skip"] is None}
            today = [listed.get(tmdb_id) or self._present(medium, entry) for tmdb_id, entry in known.items()]
            true = [(facts, omdb) for facts in (list(known.values()), today) for omdb in (False, True)]
            wrong = [_by_place(compare(self.database, medium, facts, after_omdb=omdb)) for facts, omdb in true]
            found += [str(one) for place, one in wrong[0].items() if all(place in other for other in wrong)]
        return found

    def _present(self, medium: Medium, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What is now true of a title that has left the list."""
        now = self.sandbox.control(f"truth/{medium}/{entry['tmdb']}")
        listed = {name: entry["facts"]["row"][name] for name in ("rating_trakt", "trending_score")}
        return {**entry, "facts": {**now["facts"], "row": {**now["row"], **listed}}}

    def _snapshots(self) -> set[Any]:
        with self.database.reading() as conn:
            return {
                (medium.plural, *row)
                for medium in self.chaos.media
                for row in conn.execute(select(*tables_of(medium).snapshots.c["id", "tmdb_id", "watchers"]))
            }

    def _failing(self) -> set[int]:
        with self.database.reading() as conn:
            rows = conn.execute(select(failures.c.tmdb_id, failures.c.last_error))
            return {tmdb_id for tmdb_id, reason in rows if reason}


def _by_place(found: Sequence[Difference]) -> dict[tuple[Any, ...], Difference]:
    return {one.place: one for one in found if one.part not in MIXED}
