"""What needs a person, and what does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.storage.attempts import Attempt
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.doubts import DoubtCount
from ratingo_pipelines.sync.alerts import Assessment, EndedRun, Problem, ToldProblem, assess, cycles_due_since, to_tell
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
FINE = EndedRun("shows_trending", "r1", False, NOW - timedelta(hours=1))
DUE_SINCE = {"shows": NOW - timedelta(hours=12), "movies": NOW - timedelta(hours=34)}
"""Two times of the usual schedules ago."""
FAILED = EndedRun("shows_omdb_backfill", "r2", True, NOW - timedelta(minutes=6), "Trakt: down", stopped_by="upstream")


def state(*media: MediumStatus) -> SyncStatus:
    return SyncStatus(NOW, media, 0, 1000, 6)


def medium(name: str = "shows", hours: float = 1, **counts: int) -> MediumStatus:
    cycle = Cycle(7, name, NOW - timedelta(hours=hours), 12_000, 100, 98)
    return MediumStatus(name, cycle, int(hours * 3600), Counts(**counts), ())


def keys(status: SyncStatus, *runs: EndedRun, old_before: dict[str, datetime] = DUE_SINCE) -> list[str]:
    found = assess(status, runs, NOW, grace=timedelta(minutes=5), old_before=old_before)
    return [problem.key for problem in found.problems]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (state(medium(done=98)), []),
        (state(medium(hours=12, done=98)), []),
        (state(medium(hours=12.1, done=98)), ["shows:old"]),
        (state(medium("movies", hours=30, done=98)), []),
        (state(medium("movies", hours=37, done=98)), ["movies:old"]),
        (state(MediumStatus("shows", None, None, Counts(), ())), []),
        (state(medium(done=97, error=1)), []),
        (state(medium(done=90, error=10)), []),
        (state(medium(done=89, error=11)), ["shows:failing"]),
        (state(medium(done=4, error=1)), []),
        (state(medium(done=3, error=2)), ["shows:failing"]),
    ],
)
def test_old_cycles_and_many_failures_need_a_person_and_one_dead_title_does_not(
    status: SyncStatus, told: list[str]
) -> None:
    assert keys(status) == told


def test_doubts_that_are_the_source_s_fault_need_a_person_once_for_each_medium_and_part() -> None:
    def doubted(part: str, region: str, titles: int, many: int) -> DoubtCount:
        return DoubtCount("shows", part, region, titles, many, NOW, NOW)

    doubts = (doubted("cast", "", 3, 0), doubted("providers", "UA", 40, 39), doubted("providers", "US", 41, 41))
    status = state(replace(medium(done=98), doubts=doubts), medium("movies", done=98))

    [found] = assess(status, [], NOW, grace=timedelta(minutes=5), old_before=DUE_SINCE).problems

    assert found.key == "shows:doubts:providers"
    assert "39 shows have no providers UA any more" in found.text
    assert "41 shows have no providers US any more" in found.text
    assert "`ratingo doubts accept providers`" in found.text


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (FINE, []),
        (FAILED, ["failed:shows_omdb_backfill"]),
        (replace(FAILED, ended_at=NOW - timedelta(minutes=4)), []),
        (replace(FAILED, only_titles_failed=True, stopped_by=None), []),
        (replace(FAILED, stopped_by="access"), ["access:Trakt"]),
        (replace(FAILED, stopped_by="access", ended_at=NOW), ["access:Trakt"]),
    ],
)
def test_a_failed_stage_is_told_after_its_grace_and_a_refused_key_at_once(run: EndedRun, told: list[str]) -> None:
    assert keys(state(), run) == told


def test_the_age_of_what_is_not_scheduled_is_nobodys_concern() -> None:
    assert keys(state(medium("movies", hours=100, done=98)), old_before={}) == []


@pytest.mark.parametrize(
    ("shows", "movies", "due"),
    [
        ("0 */6 * * *", "0 2 * * *", {"shows": "2026-01-31T00:00", "movies": "2026-01-30T02:00"}),
        ("0 2 * * *", "0 2 * * 1-5", {"shows": "2026-01-30T02:00", "movies": "2026-01-29T02:00"}),
        ("*/5 * * * *", "off", {"shows": "2026-01-31T11:50"}),
    ],
)
def test_a_cycle_is_old_when_two_times_of_its_own_schedule_have_passed_without_one(
    shows: str, movies: str, due: dict[str, str]
) -> None:
    found = cycles_due_since({"shows_trending": shows, "movies_trending": movies}, NOW)

    assert {medium: moment.isoformat()[:16] for medium, moment in found.items()} == due


OLD, FAILING = Problem("shows:old", "old it is"), Problem("shows:failing", "they fail")
TOLD = {"shows:old": ToldProblem(NOW, "old it is", "")}
DAY = timedelta(days=1)


def found(*problems: Problem, undecided: frozenset[str] = frozenset(), blind: bool = False) -> Assessment:
    return Assessment(problems, undecided, blind)


def test_a_problem_is_told_once_while_it_lasts_and_again_after_a_week() -> None:
    first = to_tell(found(OLD), {}, NOW)
    assert (first.lines, first.told) == (("old it is",), TOLD)
    later = to_tell(found(OLD, FAILING), first.told, NOW + DAY)
    assert (later.lines, set(later.told)) == (("they fail",), {"shows:old", "shows:failing"})
    assert to_tell(found(OLD, FAILING), later.told, NOW + 6 * DAY).lines == ()
    week = to_tell(found(OLD, FAILING), later.told, NOW + 7 * DAY)
    assert (week.lines, week.told["shows:old"].at) == (("old it is",), NOW + 7 * DAY)


def test_that_a_problem_is_over_is_told_once() -> None:
    over = to_tell(found(), TOLD, NOW + DAY)
    assert (over.lines, over.keys, over.told) == (("Over: old it is",), ("shows:old is over",), {})
    assert to_tell(found(), over.told, NOW + DAY).lines == ()


def test_a_problem_is_told_again_when_it_changes_and_not_when_its_numbers_do() -> None:
    first = to_tell(found(Problem("failed:shows_sync", "run 1: TMDB: down", "TMDB")), {}, NOW)
    same = to_tell(found(Problem("failed:shows_sync", "run 2: TMDB: down", "TMDB")), first.told, NOW + DAY)
    assert (same.lines, same.told) == ((), first.told)
    other = to_tell(found(Problem("failed:shows_sync", "run 3: disk full", "disk full")), first.told, NOW + DAY)
    assert other.lines == ("run 3: disk full",)


def test_what_a_version_told_that_remembered_less_is_not_told_again() -> None:
    told = {"failed:shows_sync": ToldProblem(NOW, "run 1: TMDB: down")}
    assert to_tell(found(Problem("failed:shows_sync", "run 2: TMDB: down", "TMDB")), told, NOW + DAY).lines == ()


@pytest.mark.parametrize(
    ("key", "undecided"),
    [("shows:failing", "shows:failing"), ("failed:shows_sync", "failed:shows_sync"), ("access:Trakt", "access")],
)
def test_what_cannot_be_said_yet_is_neither_over_nor_told_again(key: str, undecided: str) -> None:
    told = {key: ToldProblem(NOW, "it fails", "")}
    while_looking = to_tell(found(undecided=frozenset({undecided})), told, NOW + DAY)
    assert (while_looking.lines, while_looking.told) == ((), told)
    assert to_tell(found(), told, NOW + DAY).lines == ("Over: it fails",)


def test_while_the_database_cannot_be_read_nothing_is_called_over() -> None:
    away = to_tell(found(Problem("database", "it is away"), blind=True), TOLD, NOW + DAY)
    assert (away.lines, set(away.told)) == (("it is away",), {"shows:old", "database"})
    back = to_tell(found(OLD), away.told, NOW + DAY)
    assert (back.lines, set(back.told)) == (("Over: it is away",), {"shows:old"})


def undecided(status: SyncStatus, *runs: EndedRun, under_way: tuple[str, ...] = ()) -> set[str]:
    found = assess(status, runs, NOW, grace=timedelta(minutes=5), old_before=DUE_SINCE, under_way=under_way)
    return set(found.undecided)


def test_a_cycle_that_is_not_worked_off_and_a_run_that_may_yet_fail_decide_nothing() -> None:
    assert undecided(state(medium(done=98)), FINE) == set()
    assert undecided(state(medium(done=97, pending=1), medium("movies", done=1)), FINE) == {"shows:failing"}
    assert undecided(state(medium(done=97, processing=1)), FINE) == {"shows:failing"}
    assert undecided(state(), FINE, under_way=("shows_sync",)) == {"failed:shows_sync", "access"}
    # It failed a moment ago; what is told of it needs no more time.
    assert undecided(state(), replace(FAILED, ended_at=NOW)) == {"failed:shows_omdb_backfill", "access"}
    assert undecided(state(), FAILED) == set()


def test_what_a_problem_is_about_names_who_fails_and_no_numbers() -> None:
    many = DoubtCount("shows", "providers", "UA", 40, 39, NOW, NOW)
    status = state(
        replace(medium(done=50, error=50), doubts=(many,), skipped={"no TMDB id": 20}, skipped_before={"x": 1})
    )
    found = assess(status, [FAILED], NOW, grace=timedelta(), old_before=DUE_SINCE).problems
    assert {problem.key: problem.about for problem in found} == {
        "shows:failing": "some",
        "shows:doubts:providers": "providers UA",
        "shows:skipped": "no TMDB id",
        "failed:shows_omdb_backfill": "Trakt",
    }
    [failing] = assess(state(medium(done=49, error=51)), [], NOW, grace=timedelta(), old_before={}).problems
    assert failing.about == "most"


def test_no_cycle_is_called_old_while_its_list_is_told_to_fail() -> None:
    status = state(medium(hours=13, done=98))
    assert keys(status) == ["shows:old"]
    assert keys(status, replace(FAILED, job="shows_trending")) == ["failed:shows_trending"]
    assert keys(status, replace(FAILED, job="movies_trending")) == ["shows:old", "failed:movies_trending"]


def test_a_key_that_stops_many_jobs_is_one_problem() -> None:
    refused = replace(FAILED, stopped_by="access", reason="Trakt: it refuses the key")
    jobs = [replace(refused, job=job) for job in ("shows_trending", "movies_trending")]
    another = replace(refused, job="movies_meta_backfill", reason="TMDB: it refuses the key")
    found = assess(state(), [*jobs, another], NOW, grace=timedelta(), old_before=DUE_SINCE).problems
    assert [problem.key for problem in found] == ["access:Trakt", "access:TMDB"]
    assert "so movies_trending and shows_trending cannot go on: Trakt: it refuses the key" in found[0].text


def test_an_alert_says_what_to_do() -> None:
    [problem] = assess(state(medium(hours=13, done=98)), [], NOW, grace=timedelta(), old_before=DUE_SINCE).problems

    assert problem.text == (
        "The latest cycle of shows is 13 h old. "
        "See whether the daemon runs and why shows_trending failed or did not start."
    )


def asked(outcome: str, *, minutes: float = 10, ahead_seconds: int | None = None) -> Attempt:
    """An attempt at the list of shows, so long ago."""
    at = NOW - timedelta(minutes=minutes)
    return Attempt("shows", "trending", at, outcome, "Trakt: the list is empty", ahead_seconds=ahead_seconds)


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (asked("well"), []),
        (asked("not_whole"), ["shows:list:not_whole"]),
        (asked("short"), ["shows:list:short"]),
        (asked("clock"), ["shows:list:clock"]),
        (asked("not_whole", minutes=4), []),
        # That Trakt did not answer, or refuses the key, is its run's to tell.
        (asked("unanswered"), []),
        (asked("denied"), []),
        (asked("well", ahead_seconds=299), []),
        (asked("well", ahead_seconds=300), ["clock"]),
        (asked("well", ahead_seconds=-600), ["clock"]),
    ],
)
def test_a_list_that_opened_no_cycle_and_a_wrong_clock_need_a_person(attempt: Attempt, told: list[str]) -> None:
    assert keys(state(replace(medium(done=98), attempts={"trending": attempt}))) == told


def test_a_list_that_opened_no_cycle_is_not_told_of_its_run_as_well() -> None:
    status = state(replace(medium(done=98), attempts={"trending": asked("not_whole")}))
    assert keys(status, replace(FAILED, job="shows_trending")) == ["shows:list:not_whole"]
    assert keys(status, FAILED) == ["shows:list:not_whole", "failed:shows_omdb_backfill"]


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        ({"unknown to TMDB": 3}, {"unknown to TMDB": 2}, []),
        ({"unknown to TMDB": 11}, {"unknown to TMDB": 2}, []),
        ({"unknown to TMDB": 13}, {"unknown to TMDB": 2}, ["shows:skipped"]),
        ({"no TMDB id": 2, "unknown to TMDB": 20}, {"no TMDB id": 2}, ["shows:skipped"]),
        ({"unknown to TMDB": 20}, {}, []),
    ],
)
def test_many_titles_skipped_that_were_not_skipped_before_need_a_person(
    now: dict[str, int], before: dict[str, int], told: list[str]
) -> None:
    assert keys(state(replace(medium(done=98), skipped=now, skipped_before=before))) == told
