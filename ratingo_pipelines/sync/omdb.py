"""The OMDb backfill: IMDb and Metacritic ratings of titles that lack them or whose answer has aged."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from ratingo_pipelines.measures.scoring import primary_rating
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import NotFetched, NotFound, QuotaExhausted, SourceError
from ratingo_pipelines.sources.omdb import API, OmdbClient, OmdbRatings
from ratingo_pipelines.storage import asked, cycles, failures, provenance, titles
from ratingo_pipelines.storage.asked import OmdbDue
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync import facts
from ratingo_pipelines.sync.asking import remember_batch
from ratingo_pipelines.sync.batch import EvidenceOf, Steps, run_batch
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.gather import WITHOUT_ROW, failure_of
from ratingo_pipelines.sync.omdb_quota import DailyQuota, daily_quota
from ratingo_pipelines.sync.omdb_turns import InTurn, imdb_from, in_turn
from ratingo_pipelines.sync.outcomes import put_off, record_failures
from ratingo_pipelines.sync.precedence import OMDB, RATING_IMDB, RATING_METACRITIC, settle
from ratingo_pipelines.sync.report import (
    NOBODY,
    BatchReport,
    BatchStopped,
    Follower,
    StopReason,
    Tally,
    TitleOutcome,
    TitleStatus,
)
from ratingo_pipelines.sync.trust.blame import Answer, Kind, Question, kind_of
from ratingo_pipelines.sync.witnesses import AskAgain, StoredWitnesses

STAGE = "omdb"
QUESTION = Question(API, STAGE)
WITHOUT_KEY = "OMDb skipped: OMDB_API_KEY is not set (a key: https://www.omdbapi.com/apikey.aspx)"
WITHOUT_IMDB_ID = "no IMDb id"
FRESH = "fresh"
NOTHING_LACKING = "nothing lacking"
NOTHING_KNOWN = OmdbRatings()


def backfill_omdb(
    ctx: SyncContext,
    medium: Medium,
    *,
    limit: int | None = None,
    follower: Follower = NOBODY,
) -> BatchReport:
    """Ask OMDb about every title that is due, by the plan of the day, as far as this medium's share of it goes.

    A title that OMDb knows nothing of is asked again only after a growing interval.
    """
    due = in_turn(ctx, medium, limit) if ctx.omdb else InTurn(())
    return _work_off(ctx, medium, due.titles, {}, False, follower, due.notes)


def backfill_omdb_ids(
    ctx: SyncContext,
    medium: Medium,
    tmdb_ids: Sequence[int],
    *,
    force: bool = False,
    follower: Follower = NOBODY,
) -> BatchReport:
    """Ask OMDb about these titles; those that are not due are passed over, unless they failed since, or `force`."""
    wanted = list(dict.fromkeys(tmdb_ids))
    with ctx.database.reading() as conn:
        rows = {row.tmdb_id: row for row in asked.omdb_rows(conn, tables_of(medium), wanted)}
        passed_over = {} if force else _not_due(conn, ctx, medium, wanted)
    passed_over |= {i: WITHOUT_IMDB_ID for i, row in rows.items() if not row.imdb_id}
    passed_over |= {i: WITHOUT_ROW for i in wanted if i not in rows}
    due = [rows[i] for i in wanted if i not in passed_over]
    return _work_off(ctx, medium, due, passed_over, force, follower)


def needless_at_omdb(ctx: SyncContext, medium: Medium, tmdb_ids: Sequence[int]) -> dict[int, str]:
    """Those of the titles that OMDb is not going to be asked about, as far as is known now, with the reason."""
    with ctx.database.reading() as conn:
        rows = asked.omdb_rows(conn, tables_of(medium), tmdb_ids)
        due = _not_due(conn, ctx, medium, [row.tmdb_id for row in rows])
    lacking = {row.tmdb_id: WITHOUT_IMDB_ID for row in rows if not row.imdb_id}
    return {i: reason for i, reason in due.items() if reason == NOTHING_LACKING} | lacking


def _not_due(conn: Connection, ctx: SyncContext, medium: Medium, tmdb_ids: Sequence[int]) -> dict[int, str]:
    """Those of the titles that the backfill would not ask about, with the reason."""
    now = ctx.now()
    due = asked.ids_lacking_omdb(conn, tables_of(medium), tmdb_ids, now, imdb_from=imdb_from(ctx.settings))
    due |= failures.failing_ids(conn, medium, tmdb_ids, [STAGE])
    their_time = asked.due(conn, medium, tmdb_ids, asked.OMDB, now)
    return {i: NOTHING_LACKING if i in their_time else FRESH for i in tmdb_ids if i not in due}


def _work_off(
    ctx: SyncContext,
    medium: Medium,
    due: Sequence[OmdbDue],
    passed_over: dict[int, str],
    force: bool,
    follower: Follower,
    notes: tuple[str, ...] = (),
) -> BatchReport:
    tally = Tally(ctx, follower)
    _forget_what_cannot_be_asked(ctx, medium)
    if ctx.omdb is None:
        return tally.report(medium.plural, STAGE, fetched=0, notes=(WITHOUT_KEY,))
    fetched = len(due) + len(passed_over)
    follower.on_start(fetched, "due")
    for tmdb_id, reason in passed_over.items():
        tally.count(TitleOutcome(tmdb_id, str(tmdb_id), TitleStatus.SKIPPED, reason))
    latest_cycle = _latest_cycle(ctx, medium)
    in_cycle = sum(row.tmdb_id in latest_cycle for row in due)
    with daily_quota(ctx, ctx.omdb, in_cycle, len(due) - in_cycle) as quota:
        one = _OneTitle(ctx, ctx.omdb, medium, quota, latest_cycle, _answered_before(ctx, medium, due), force)
        stopped = run_batch(
            due,
            one.steps,
            stage=STAGE,
            concurrency=ctx.settings.concurrency,
            witnesses=StoredWitnesses(ctx, medium, one.witness),
            outcomes=one,
            follower=tally.follower,
        )
    if stopped and stopped.kind is StopReason.QUOTA:
        _put_off_the_rest(ctx, medium, due, one.ended)
    report = tally.report(medium.plural, STAGE, fetched=fetched, notes=notes, stopped=stopped)
    remember_batch(ctx, medium, report)
    return report


@retried_transaction
def _forget_what_cannot_be_asked(ctx: SyncContext, medium: Medium) -> None:
    """Forget the failures that nobody can make good: they would be tried for ever, and always be passed over."""
    with ctx.database.writing() as conn:
        if ctx.omdb is None:
            failures.forget_stage(conn, medium, STAGE)
        else:
            failures.forget_unaskable(conn, tables_of(medium), STAGE)


def _put_off_the_rest(ctx: SyncContext, medium: Medium, due: Sequence[OmdbDue], ended: Collection[int]) -> None:
    """Put off the failures that the day's requests did not reach: there are none left for them today."""
    rest = [row.tmdb_id for row in due if row.tmdb_id not in ended]
    with ctx.database.reading() as conn:
        failing = failures.failing_ids(conn, medium, rest, [STAGE])
    for tmdb_id in sorted(failing):
        put_off(ctx, medium, tmdb_id, [STAGE])


def _latest_cycle(ctx: SyncContext, medium: Medium) -> frozenset[int]:
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        return frozenset(title.tmdb_id for title in cycles.titles_of(conn, cycle.id)) if cycle else frozenset()


def _answered_before(ctx: SyncContext, medium: Medium, due: Sequence[OmdbDue]) -> set[int]:
    with ctx.database.reading() as conn:
        return asked.answered(conn, medium, [row.tmdb_id for row in due], asked.OMDB)


@dataclass(frozen=True)
class _OneTitle:
    ctx: SyncContext
    omdb: OmdbClient
    medium: Medium
    quota: DailyQuota
    latest_cycle: frozenset[int]
    answered_before: Collection[int]
    """Titles that OMDb had ratings of: that it has none counts against it for these alone."""
    force: bool
    """Whether the cache may not answer."""
    ended: set[int] = field(default_factory=set)
    """Titles whose failures, if they had any, were changed by this batch."""

    def steps(self, row: OmdbDue) -> Steps:
        """Ask about a title, yielding what came of it, and store the answer."""
        told = self._ask(row)
        if isinstance(told, NotFetched):
            yield Answer(QUESTION, row.tmdb_id, kind_of(told), str(told))
            return self._store(row, NOTHING_KNOWN)
        if isinstance(told, SourceError):
            yield Answer(QUESTION, row.tmdb_id, kind_of(told), str(told))
            failure = failure_of(row, STAGE, told)
            return TitleOutcome(row.tmdb_id, row.title, TitleStatus.ERROR, failure.reason, (failure,))
        if told != NOTHING_KNOWN:
            yield Answer(QUESTION, row.tmdb_id, Kind.WELL)
        elif row.tmdb_id in self.answered_before:
            yield Answer(QUESTION, row.tmdb_id, Kind.UNKNOWN, f"{API}: it has no ratings of {row.imdb_id} any more")
        return self._store(row, told)

    def _ask(self, row: OmdbDue, *, bypass_cache: bool = False) -> OmdbRatings | SourceError:
        """What OMDb says of a title, or its error; nothing where it does not know it. Raises `BatchStopped`."""
        assert row.imdb_id is not None  # noqa: S101 - those without one are passed over
        self.quota.spend(in_cycle=row.tmdb_id in self.latest_cycle)
        try:
            return self.omdb.ratings(row.imdb_id, self.medium, bypass_cache=self.force or bypass_cache)
        except NotFetched as error:
            return error
        except NotFound:
            return NOTHING_KNOWN
        except SourceError as error:
            if isinstance(error, QuotaExhausted):
                self.quota.exhaust(str(error))
            if error.stops_api:
                raise BatchStopped.by(error) from error
            return error

    def witness(self, question: Question, tmdb_id: int) -> tuple[OmdbDue, AskAgain] | None:
        """How OMDb is asked about a title that it had ratings of."""
        with self.ctx.database.reading() as conn:
            row = next(iter(asked.omdb_rows(conn, tables_of(self.medium), [tmdb_id])), None)
        if row is None or row.imdb_id is None:
            return None
        return row, partial(self._has_answer, row)

    def _has_answer(self, row: OmdbDue) -> bool:
        told = self._ask(row, bypass_cache=True)
        if isinstance(told, SourceError):
            raise told
        return told != NOTHING_KNOWN

    @retried_transaction
    def _store(self, row: OmdbDue, ratings: OmdbRatings) -> TitleOutcome:
        tables, now = tables_of(self.medium), self.ctx.now()
        with self.ctx.database.writing() as conn:
            known = titles.lock_title(conn, tables, row.tmdb_id)
            values = facts.made_up_ratings(known or {}) | facts.improved(
                {
                    "rating_imdb": ratings.imdb_rating,
                    "imdb_votes": ratings.imdb_votes,
                    "rating_metacritic": ratings.metacritic,
                }
            )
            stored = provenance.origins_of(conn, self.medium, [row.tmdb_id]).get(row.tmdb_id, {})
            settled = settle(values, dict.fromkeys((RATING_IMDB, RATING_METACRITIC), OMDB), known or {}, stored, now)
            values = settled.columns
            merged = {**(known or {}), **values}
            values["primary_rating"] = primary_rating(
                merged.get("rating_tmdb"), merged.get("rating_trakt_avg"), merged.get("rating_imdb")
            )
            if known is not None:
                titles.put_title(conn, tables, known, values)
                provenance.record(conn, self.medium, row.tmdb_id, settled.origins, stored)
            answered = ratings != NOTHING_KNOWN
            asked.record_check(conn, self.medium, row.tmdb_id, asked.OMDB, now, answered=answered)
            failures.clear(conn, self.medium, row.tmdb_id, [STAGE])
        return TitleOutcome(
            row.tmdb_id,
            row.title,
            TitleStatus.DONE,
            stored=frozenset({STAGE}),
            rows_written=1,
            imdb_id=row.imdb_id,
        )

    @retried_transaction
    def record(self, row: OmdbDue, outcome: TitleOutcome, evidence: EvidenceOf) -> TitleOutcome:
        """Record the failures of a title."""
        self.ended.add(row.tmdb_id)
        if not outcome.failures:
            return outcome
        with self.ctx.database.writing() as conn:
            return record_failures(conn, self.ctx, self.medium, outcome, evidence)

    def leave(self, row: OmdbDue) -> None:
        """Put off the next try of a title that failed before."""
        self.ended.add(row.tmdb_id)
        put_off(self.ctx, self.medium, row.tmdb_id, [STAGE])
