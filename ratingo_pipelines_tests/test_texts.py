"""Numbers in texts that operators read: nouns and verbs agree with nought, one and two."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync import decisions, selection
from ratingo_pipelines.sync.checks import CHECKS, look_at
from ratingo_pipelines.sync.decisions import CycleFacts, RetryFacts, Wait
from ratingo_pipelines.sync.report import BatchReport, CalendarReport, PruneReport
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus
from ratingo_pipelines.sync.trust.blame import Kind, Question, Suspicion, accusation
from ratingo_pipelines.terminal.reports import batch_lines, calendar_lines, prune_lines, status_lines
from ratingo_pipelines.text import counted

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
CYCLE = Cycle(7, "shows", NOW - timedelta(minutes=6), 12_000, 100, 98)


def failure(tmdb_id: int = 1, attempts: int = 1, due: bool = True) -> Failure:
    next_at = NOW - timedelta(minutes=1) if due else NOW + timedelta(minutes=15)
    return Failure("shows", tmdb_id, "details", None, attempts, "it broke", NOW, NOW, next_at)


def retrying(number: int, **facts: object) -> RetryFacts:
    failing = [failure(tmdb_id) for tmdb_id in range(number)]
    return RetryFacts("shows", failing, set(range(9)), 6, **facts)  # type: ignore[arg-type]


def said(decision: object) -> str:
    assert isinstance(decision, Wait)
    return decision.reason


def accused(number: int) -> str:
    suspicion = Suspicion(Question("TMDB", "details"), Kind.UNKNOWN, number, number, "TMDB: it is unknown")
    return accusation(suspicion, None).partition("and there ")[0]


def status_line(place: int, counts: Counts | None = None, failing: tuple[Failure, ...] = (), limit: int = 0) -> str:
    state = SyncStatus(NOW, (MediumStatus("shows", CYCLE, 360, counts or Counts(), failing),), 0, limit, 6)
    return list(status_lines(state))[place]


@pytest.mark.parametrize(
    ("text", "none", "one", "two"),
    [
        pytest.param(
            lambda n: counted(n, "entry", "entries"), "0 entries", "1 entry", "2 entries", id="with a plural of its own"
        ),
        pytest.param(
            lambda n: said(decisions.decide_retries(retrying(n, active_runs=["shows_sync is queued"]), NOW)),
            "no shows failed",
            "1 failure is due, after shows_sync is queued",
            "2 failures are due, after shows_sync is queued",
            id="failures that wait for a run",
        ),
        pytest.param(
            lambda n: said(decisions.decide_retries(retrying(1, unfinished=n + 1), NOW)),
            "1 failure is due, after 1 title that the cycle has yet to see",
            "1 failure is due, after 2 titles that the cycle has yet to see",
            "1 failure is due, after 3 titles that the cycle has yet to see",
            id="failures that wait for the cycle",
        ),
        pytest.param(
            lambda n: said(
                decisions.decide_retries(
                    RetryFacts("shows", [failure(i, 1, due=False) for i in range(n)], {0, 1}, give_up_after=1), NOW
                )
            ).partition(";")[0],
            "no shows failed",
            "1 show failed, 1 of them given up after 1 attempt and tried weekly",
            "2 shows failed, 2 of them given up after 1 attempt and tried weekly",
            id="failures given up",
        ),
        pytest.param(
            lambda n: said(
                decisions.decide_cycle(CycleFacts("shows", CYCLE, Counts(pending=n), elsewhere=max(n, 1)), NOW)
            ),
            "cycle 7 is worked off: 0 done, 0 failed of 0",
            "1 title of cycle 7 is being worked on outside of this cycle's runs",
            "2 titles of cycle 7 are being worked on outside of this cycle's runs",
            id="titles elsewhere",
        ),
        pytest.param(
            lambda n: said(
                decisions.decide_cycle(
                    CycleFacts(
                        "shows", CYCLE, Counts(pending=1), next_number=n, runs_without_progress=n + 1, last_ended_at=NOW
                    ),
                    NOW,
                )
            ).partition(" (")[0],
            "the last run of cycle 7 ended without storing a title",
            "the last 2 runs of cycle 7 ended without storing a title",
            "the last 3 runs of cycle 7 ended without storing a title",
            id="runs in vain",
        ),
        pytest.param(
            lambda n: "".join(selection.held_note(n, 60)),
            "",
            "1 title is being worked on by another run; the claims of one that died are free within 60 s",
            "2 titles are being worked on by another run; the claims of one that died are free within 60 s",
            id="titles held",
        ),
        pytest.param(
            lambda n: accused(n + 1),
            "TMDB failed alike for the one title asked about (it is unknown), ",
            "TMDB failed alike for 2 of 2 titles (it is unknown), ",
            "TMDB failed alike for 3 of 3 titles (it is unknown), ",
            id="titles that a source failed",
        ),
        pytest.param(
            lambda n: next(batch_lines(BatchReport("shows", "titles", requests={"tmdb": n}))).partition("; ")[2],
            "0 requests in 0.0 s",
            "1 request in 0.0 s",
            "2 requests in 0.0 s",
            id="requests",
        ),
        pytest.param(
            lambda n: next(calendar_lines(CalendarReport(n, n, 0, 0))).partition(" of ")[0],
            "calendar: 0 airings",
            "calendar: 1 airing",
            "calendar: 2 airings",
            id="airings",
        ),
        pytest.param(
            lambda n: next(prune_lines(PruneReport(n))),
            "calendar: 0 stale airings removed",
            "calendar: 1 stale airing removed",
            "calendar: 2 stale airings removed",
            id="airings removed",
        ),
        pytest.param(
            lambda n: status_line(0, Counts(done=n)).partition(": ")[2].rpartition(":")[0],
            "cycle 7, 0.1 h old: 0 titles",
            "cycle 7, 0.1 h old: 1 title",
            "cycle 7, 0.1 h old: 2 titles",
            id="titles of a cycle",
        ),
        pytest.param(
            lambda n: status_line(1, failing=(failure(1, n),)).partition("(")[2].partition(",")[0],
            "0 attempts",
            "1 attempt",
            "2 attempts",
            id="attempts",
        ),
        pytest.param(
            lambda n: status_line(-1, limit=n),
            "OMDb: 0 of 0 requests left until midnight UTC",
            "OMDb: 1 of 1 request left until midnight UTC",
            "OMDb: 2 of 2 requests left until midnight UTC",
            id="quota left",
        ),
    ],
)
def test_a_text_agrees_with_its_number(text: Callable[[int], str], none: str, one: str, two: str) -> None:
    assert [text(number) for number in range(3)] == [none, one, two]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (0, "The day's 0 requests are used up."),
        (1, "1 of 1 request left until midnight UTC."),
        (2, "2 of 2 requests left until midnight UTC."),
    ],
)
def test_the_check_of_the_quota_agrees_with_its_number(
    settings: Settings, database: Database, limit: int, expected: str
) -> None:
    check = next(check for check in CHECKS if check.name == "quota_left")
    limited = settings.model_copy(update={"omdb_daily_limit": limit})
    assert look_at(database, SHOWS, limited, check).said.startswith(expected)
