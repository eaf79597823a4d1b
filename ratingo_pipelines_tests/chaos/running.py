"""Runs a scenario: a database that one good cycle filled, then things go wrong, for up to three cycles.

Where upstreams fail, time moves as well, and whatever is right must be right by what was or by what is. Where they
lie, nothing has changed: what was known must stay to the letter.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from ratingo_pipelines.measures.deltas import complete_months
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import failures
from ratingo_pipelines.storage.schema import prepare
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.sync.airings import sync_calendar
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.monthly import fetch_month
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.chaos.scenarios import CYCLES, Scenario, Setting
from ratingo_pipelines_tests.exactness import Difference, compare
from ratingo_pipelines_tests.sync.syncing import Clock, settings_for

OF_THE_CYCLE = {"trending_updated_at", "snapshots", "watchers_delta"}
"""What another cycle changes though nothing else has changed."""
MIXED = OF_THE_CYCLE | {"delta_3m", "trending_score", "primary_rating"}
"""What depends on how far a title came, or on facts of two answers of which one came: neither of before nor of now."""

NEXT_EPISODE = {f"next_episode_{name}" for name in ("season", "number", "air_date")}


class Databases(Protocol):
    """Where the databases of the scenarios come from."""

    def new(self) -> str:
        """Make an empty one; its URL."""

    def copy(self, url: str) -> str:
        """Make a copy of one that nobody has open; its URL."""


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
    """What was right before and is neither what was nor what is, and what should have been told and was not."""
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
    databases: Databases
    media: Sequence[Medium]
    known: int
    """Length of the lists of the good cycle."""
    listed: int
    """Length of the lists of those in which things go wrong."""
    seed: int = 0
    _filled: dict[tuple[int, tuple[Medium, ...]], str] = field(default_factory=dict)

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario on a database of its own."""
        self.sandbox.reset()
        today = self.sandbox.control("")["today"]
        media = tuple(medium for medium in self.media if medium in scenario.media)
        known = scenario.known or self.known
        url = self.databases.new() if scenario.fresh else self.databases.copy(self._filled_with(known, media))
        before = {} if scenario.fresh else {medium: self.sandbox.truth(medium, known) for medium in media}
        cycles = _Cycles(self, scenario, url, media, scenario.listed or self.listed)
        return _Run(self, scenario, cycles, before, date.fromisoformat(today)).outcome()

    def _filled_with(self, known: int, media: tuple[Medium, ...]) -> str:
        """A database after one good cycle; it is made once, and copied."""
        if (known, media) not in self._filled:
            url = self._filled[known, media] = self.databases.new()
            good = _Cycles(self, Scenario("a good cycle", lambda _: (), calendar=True), url, media, known)
            for medium in media:
                good.run(medium, {})
            good.database.dispose()
        return self._filled[known, media]


class _Cycles:
    """Cycles on one database, each as a process of its own would run it, and what they cost and told."""

    def __init__(self, chaos: Chaos, scenario: Scenario, url: str, media: Sequence[Medium], listed: int) -> None:
        self.chaos, self.scenario, self.media = chaos, scenario, media
        self.database = Database(url)
        prepare(self.database)
        home = chaos.folder / f"home-{url.rpartition('/')[2]}"
        self.settings = settings_for(chaos.sandbox, home, database_url=url, trending_limit=listed)
        self.clock = Clock()
        self.requests = self.retries = 0
        self.told: list[str] = []
        """Why the last cycle is no good one."""
        self.stopped = False

    def run(self, medium: Medium, mistaken: Mapping[str, Any]) -> None:
        """One cycle of a medium, with all that the scenario asks for beside it."""
        settings = self.settings.model_copy(update={**self.scenario.settings, **mistaken})
        with open_sync_context(settings) as opened:
            ctx = replace(opened, now=self.clock)
            for step in self._steps(medium):
                try:
                    self._note(step(ctx))
                except SourceError as error:
                    self.told.append(f"{medium}: {error}")
            self.requests += sum(ctx.requests().values())
            apis = [client.api for client in (ctx.trakt, ctx.tmdb, ctx.omdb) if client]
            self.retries += sum(api.retries for api in apis)
        # What sessions share does not outlive a process.
        del ctx, opened, apis
        gc.collect()

    def _steps(self, medium: Medium) -> Iterator[Callable[[SyncContext], Any]]:
        yield lambda ctx: open_trending_cycle(ctx, medium, "chaos")
        yield lambda ctx: sync_pending(ctx, medium, "chaos")
        if self.scenario.calendar and medium is SHOWS:
            yield sync_calendar
        for month in complete_months(self.clock().date()) if self.scenario.months else ():
            yield partial(fetch_month, medium=medium, month=month)
        if self.scenario.omdb:
            yield lambda ctx: backfill_omdb(ctx, medium, limit=ctx.settings.trending_limit)

    def _note(self, report: Any) -> None:
        """Keep what a report tells that ends a command with exit code 1."""
        self.stopped |= getattr(report, "stopped", None) is not None
        if not getattr(report, "ok", True):
            why = [getattr(report, name, None) for name in ("stopped", "problems", "failures", "notes")]
            self.told.append(str(next((one for one in why if one), report)))

    def snapshots(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Medium and row of each snapshot, with the title's TMDB id and the watchers."""
        with self.database.reading() as conn:
            return {
                (medium.plural, row.id): (row.tmdb_id, row.watchers)
                for medium in self.media
                for row in conn.execute(select(*tables_of(medium).snapshots.c["id", "tmdb_id", "watchers"]))
            }

    def airings(self) -> set[tuple[Any, ...]]:
        """The episodes of the calendar."""
        columns = show_airings.c["show_id", "season", "episode", "air_date", "type", "title", "episode_title"]
        with self.database.reading() as conn:
            return {tuple(row) for row in conn.execute(select(*columns))}

    def failing(self) -> set[int]:
        """The titles of which a failure with a reason is on record."""
        with self.database.reading() as conn:
            rows = conn.execute(select(failures.c.tmdb_id, failures.c.last_error))
            return {tmdb_id for tmdb_id, reason in rows if reason}


@dataclass
class _Run:
    chaos: Chaos
    scenario: Scenario
    cycles: _Cycles
    before: Mapping[Medium, Any]
    today: date

    def outcome(self) -> Outcome:
        scenario, cycles, sandbox = self.scenario, self.cycles, self.chaos.sandbox
        if not scenario.lies:
            sandbox.control("epoch", {"advance": 1})
        now = {medium: sandbox.truth(medium, cycles.settings.trending_limit) for medium in cycles.media}
        titles = [{**entry, "medium": medium} for medium, truth in now.items() for entry in truth if not entry["skip"]]
        plain = [entry for entry in titles if not entry["oddities"]] or titles
        aimed_at = plain[1 :: max(1, len(plain) // max(scenario.aims_at, 1))][: scenario.aims_at]
        without = {entry["tmdb"] for entry in aimed_at} if scenario.permanent else set()
        setting = Setting(aimed_at, self.today, sandbox.url)
        sandbox.faults(*scenario.faults(setting), seed=self.chaos.seed)
        kept, aired = cycles.snapshots(), cycles.airings()
        converged, worse, notes = None, [], []
        wrong: list[Difference] = []
        for number in range(1, CYCLES + 1):
            cycles.told = []
            for medium in cycles.media:
                cycles.run(medium, scenario.mistaken(setting) if number <= scenario.lasts else {})
            worse += [*(self._expected() if number == 1 else ()), *self._worse(now, kept, aired)]
            notes += [f"cycle {number}: {told}" for told in cycles.told]
            wrong = self._wrong(now, without)
            if number == scenario.lasts:
                sandbox.faults()
            # A lie that ends is only over with a cycle after it.
            if not wrong and not (scenario.lies and number <= scenario.lasts < CYCLES):
                converged = number
                # OMDb has titles whose answers are no JSON at any time.
                over = scenario.lies and number > scenario.lasts and not scenario.omdb
                worse += [f"told after the lie had ended: {told}" for told in cycles.told if over]
                break
            cycles.clock.turn(hours=24 if scenario.omdb else scenario.hours_apart)
        incomplete = {one.place[0] for one in wrong}
        expected = len(titles) - len(without)
        cycles.database.dispose()
        return Outcome(
            scenario=scenario.name,
            cycles=converged,
            requests=cycles.requests,
            retries=cycles.retries,
            stored=expected - len(incomplete),
            expected=expected,
            wrong=[str(one) for one in wrong],
            worse=list(dict.fromkeys(worse)),
            unlisted=without - cycles.failing(),
            notes=notes,
        )

    def _expected(self) -> Iterable[str]:
        """What the first cycle should have told and did not, or the reverse."""
        if self.scenario.stops and not self.cycles.stopped:
            yield "nothing stopped the first cycle"
        if self.scenario.red is not None and self.scenario.red != bool(self.cycles.told):
            yield "the first cycle told nothing" if self.scenario.red else f"the first cycle told {self.cycles.told}"

    def _wrong(self, now: Mapping[Medium, Any], without: set[int]) -> list[Difference]:
        """What is not yet right; a title may have been stored whole by an earlier one of the cycles."""
        return [
            one
            for medium, truth in now.items()
            for one in compare(self.cycles.database, medium, truth, after_omdb=self.scenario.omdb, without=without)
            if one.part != "trending_updated_at"
        ]

    def _worse(
        self, now: Mapping[Medium, Any], kept: Mapping[tuple[str, int], tuple[int, int]], aired: set[tuple[Any, ...]]
    ) -> list[str]:
        """Facts known before that are right by no truth, and snapshots and airings that are gone or false."""
        snapshots = self.cycles.snapshots()
        found = [f"snapshot {one} is gone or changed" for one in kept.items() - snapshots.items()]
        if self.scenario.lies:
            watched = {
                (medium.plural, entry["tmdb"], entry["watchers"]) for medium, truth in now.items() for entry in truth
            }
            new = {(name, *row) for (name, number), row in snapshots.items() if (name, number) not in kept}
            found += [f"a snapshot of {watchers} for {tmdb_id}" for name, tmdb_id, watchers in new - watched]
            found += [f"airing {one} is gone or changed" for one in aired - self.cycles.airings()]
        for medium, truth in self.before.items():
            found += self._worse_facts(medium, truth, now[medium])
        return found

    def _has_aired(self, entry: Mapping[str, Any]) -> bool:
        """Whether what was the next episode is none any more, by the clock of the cycles."""
        airs = entry["facts"]["row"].get("next_episode_air_date")
        return airs is not None and str(airs) < self.cycles.clock().date().isoformat()

    def _worse_facts(self, medium: Medium, before: Any, now: Any) -> list[str]:
        known = {entry["tmdb"]: entry for entry in before if entry["skip"] is None}
        listed = {entry["tmdb"]: entry for entry in now if entry["skip"] is None}
        skipped = [entry for entry in before if entry["skip"]]
        truths = [[*known.values(), *skipped]]
        if not self.scenario.lies:
            truths.append([listed.get(tmdb_id) or self._present(medium, entry) for tmdb_id, entry in known.items()])
        loose = OF_THE_CYCLE if self.scenario.lies else MIXED
        aired = {tmdb_id for tmdb_id, entry in known.items() if self._has_aired(entry)}
        wrong = [
            {one.place: one for one in compare(self.cycles.database, medium, truth, after_omdb=omdb)}
            for truth in truths
            for omdb in (False, True)
        ]
        return [
            str(one)
            for place, one in wrong[0].items()
            if one.part not in loose
            and all(place in other for other in wrong)
            and not (place[0] in aired and one.part in NEXT_EPISODE)
        ]

    def _present(self, medium: Medium, entry: Mapping[str, Any]) -> dict[str, Any]:
        """What is now true of a title that has left the list."""
        now = self.chaos.sandbox.control(f"truth/{medium}/{entry['tmdb']}")
        listed = {name: entry["facts"]["row"][name] for name in ("rating_trakt", "trending_score")}
        return {**entry, "facts": {**now["facts"], "row": {**now["row"], **listed}}}
