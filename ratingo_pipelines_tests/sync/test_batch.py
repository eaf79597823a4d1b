"""A batch of titles: what fails alone, what waits until it is judged, and what ends it. No source, no database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock

import pytest

from ratingo_pipelines.storage.errors import StorageError
from ratingo_pipelines.sync.batch import AHEAD, EvidenceOf, Steps, run_batch
from ratingo_pipelines.sync.report import BatchStopped, Follower, StopReason, TitleFailure, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.trust.blame import OURS, Answer, Kind, Question, WitnessAnswer
from ratingo_pipelines.sync.work import TitleWork

DETAILS, RATINGS = Question("TMDB", "details"), Question("Trakt", "ratings")
WELL, UNKNOWN, REFUSED = Kind.WELL, Kind.UNKNOWN, Kind.REFUSED
WORKERS = 5


@dataclass
class Trial:
    """A batch whose answers are written down beforehand, and what came of it."""

    answers: Mapping[int, Sequence[tuple[Question, Kind]]] = field(default_factory=dict)
    """By TMDB id; a title without any is answered well for its details."""
    witness: Kind | BatchStopped | None = WELL
    """What comes of asking about a witness; None: there is none."""
    act: Callable[[int], None] = lambda tmdb_id: None
    """What a title does before it is asked about."""
    on_outcome: Callable[[TitleOutcome], None] = lambda outcome: None
    on_pause: Callable[[], None] = lambda: None

    asked: list[tuple[int, Question]] = field(default_factory=list)
    compared: list[tuple[Question, Sequence[int], Collection[int]]] = field(default_factory=list)
    recorded: dict[int, TitleOutcome] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    remembered: Mapping[Question, Sequence[int]] | None = None
    stopped: BatchStopped | None = None

    def run(self, titles: int, workers: int = WORKERS) -> "Trial":
        self.stopped = run_batch(
            [TitleWork(number, f"Title {number}") for number in range(1, titles + 1)],
            self._steps,
            stage="store",
            concurrency=workers,
            witnesses=self,
            outcomes=self,
            follower=Follower(on_outcome=self._tell, on_pause=self.on_pause),
        )
        return self

    @property
    def titles_asked(self) -> int:
        return len({tmdb_id for tmdb_id, _ in self.asked})

    def ask(self, question: Question, lately: Sequence[int], suspects: Collection[int]) -> WitnessAnswer | None:
        self.compared.append((question, lately, set(suspects)))
        if isinstance(self.witness, BatchStopped):
            raise self.witness
        return WitnessAnswer("99 Witness", None, self.witness) if self.witness else None

    def remember(self, answered_well: Mapping[Question, Sequence[int]]) -> None:
        self.remembered = answered_well

    def record(self, work: TitleWork, outcome: TitleOutcome, evidence: EvidenceOf) -> TitleOutcome:
        self.recorded[work.tmdb_id] = outcome
        own = (evidence(Question(one.source, one.stage), one.kind or Kind.FAILED) for one in outcome.failures)
        judged = [
            replace(failure, spends_attempt=found.well > found.alike)
            for failure, found in zip(outcome.failures, own, strict=True)
        ]
        return replace(outcome, failures=tuple(judged))

    def leave(self, work: TitleWork) -> None:
        self.left.append(work.tmdb_id)

    def _steps(self, work: TitleWork) -> Steps:
        self.act(work.tmdb_id)
        failures = []
        for question, kind in self.answers.get(work.tmdb_id, [(DETAILS, WELL)]):
            self.asked.append((work.tmdb_id, question))
            yield Answer(question, work.tmdb_id, kind, f"{question.source}: {kind}")
            if kind is not WELL:
                failures.append(TitleFailure(work.tmdb_id, work.title, question.stage, kind, question.source, kind))
        status = TitleStatus.ERROR if failures else TitleStatus.DONE
        return TitleOutcome(work.tmdb_id, work.title, status, failures=tuple(failures), stored=frozenset({"details"}))

    def _tell(self, outcome: TitleOutcome) -> None:
        self.told.append(outcome.tmdb_id)
        self.on_outcome(outcome)


def failing(
    *tmdb_ids: int, kind: Kind = UNKNOWN, question: Question = DETAILS
) -> dict[int, list[tuple[Question, Kind]]]:
    return {tmdb_id: [(question, kind)] for tmdb_id in tmdb_ids}


def test_where_nothing_fails_no_witness_is_asked_and_each_title_is_told_once() -> None:
    trial = Trial().run(40)
    assert (trial.stopped, trial.compared, trial.left) == (None, [], [])
    assert sorted(trial.told) == sorted(trial.recorded) == list(range(1, 41))
    assert {outcome.status for outcome in trial.recorded.values()} == {TitleStatus.DONE}


def test_ten_thousand_titles_are_a_batch_like_any_other() -> None:
    trial = Trial().run(10_000, workers=16)
    assert len(trial.told) == len(set(trial.told)) == 10_000


@pytest.mark.parametrize("witness", [None, UNKNOWN, REFUSED, Kind.UNANSWERED])
def test_a_source_that_lies_to_everybody_costs_one_round_and_leaves_all_as_it_was(witness: Kind | None) -> None:
    trial = Trial(failing(*range(1, 91)), witness=witness).run(90, workers=16)
    assert trial.stopped is not None
    assert trial.stopped.kind is StopReason.SOURCE
    assert "TMDB failed alike for 16 of 16 titles" in str(trial.stopped)
    assert trial.titles_asked == 16
    assert len(trial.compared) == 1
    assert (trial.recorded, trial.told) == ({}, [])
    assert sorted(trial.left) == sorted({tmdb_id for tmdb_id, _ in trial.asked})


def test_so_does_a_short_list() -> None:
    trial = Trial(failing(*range(1, 7)), witness=None).run(6, workers=16)
    assert trial.stopped is not None
    assert (trial.titles_asked, trial.recorded, sorted(trial.left)) == (6, {}, [1, 2, 3, 4, 5, 6])


def test_a_lie_in_a_later_question_stops_the_batch_as_well() -> None:
    lie = {tmdb_id: [(DETAILS, WELL), (RATINGS, Kind.MISROUTED)] for tmdb_id in range(1, 41)}
    trial = Trial(lie, witness=None).run(40)
    assert trial.stopped is not None
    assert "look at TRAKT_BASE_URL" in str(trial.stopped)
    assert (trial.titles_asked, trial.recorded) == (WORKERS, {})


def test_failures_that_are_the_titles_own_are_recorded_and_the_batch_goes_on() -> None:
    trial = Trial(failing(*range(1, 11)), witness=WELL).run(40)
    assert trial.stopped is None
    assert sorted(trial.told) == list(range(1, 41))
    assert [trial.recorded[tmdb_id].status for tmdb_id in (1, 10, 11)] == ["error", "error", "done"]
    assert len(trial.compared) == 1
    [(question, lately, suspects)] = trial.compared
    assert (question, lately) == (DETAILS, ())
    assert suspects == {1, 2, 3, 4, 5}


def test_what_a_source_answered_well_for_in_the_batch_is_compared_with() -> None:
    trial = Trial(failing(*range(21, 41)), witness=None).run(40, workers=1)
    assert trial.stopped is not None
    [(_, lately, suspects)] = trial.compared
    assert lately == [20, 19, 18, 17, 16]
    assert {21, 22, 23} <= set(suspects) <= set(trial.left)
    assert sorted(trial.recorded) == list(range(1, 21)), "what came before the lie is stored and told"


def test_a_single_failure_is_recorded_as_the_title_s_own_without_a_witness() -> None:
    trial = Trial(failing(3)).run(40)
    assert (trial.stopped, trial.compared) == (None, [])
    assert [tmdb_id for tmdb_id, one in trial.recorded.items() if one.failures] == [3]
    assert sorted(trial.told) == list(range(1, 41))


def test_a_failure_is_recorded_with_the_evidence_of_those_who_came_after_it() -> None:
    judged: list[TitleFailure] = []
    trial = Trial(failing(1), on_outcome=lambda outcome: judged.extend(outcome.failures))
    trial.run(40)
    assert [(failure.tmdb_id, failure.spends_attempt) for failure in judged] == [(1, True)]


def test_a_title_goes_on_with_its_other_questions_once_its_failure_is_its_own() -> None:
    trial = Trial({1: [(DETAILS, UNKNOWN), (RATINGS, WELL)]}).run(20)
    assert [question for tmdb_id, question in trial.asked if tmdb_id == 1] == [DETAILS, RATINGS]
    assert trial.recorded[1].status is TitleStatus.ERROR


def test_a_title_whose_failure_is_the_source_s_is_asked_no_further_question() -> None:
    lie = {tmdb_id: [(DETAILS, UNKNOWN), (RATINGS, WELL)] for tmdb_id in range(1, 21)}
    trial = Trial(lie, witness=UNKNOWN).run(20)
    assert {question for _, question in trial.asked} == {DETAILS}


def test_titles_that_get_no_answer_call_for_no_witness() -> None:
    trial = Trial(failing(*range(1, 41), kind=Kind.UNANSWERED)).run(40)
    assert (trial.stopped, trial.compared, len(trial.recorded)) == (None, [], 40)


def test_a_witness_that_cannot_be_asked_for_a_reason_of_its_own_ends_the_batch_for_that_reason() -> None:
    trial = Trial(failing(*range(1, 41)), witness=BatchStopped("TMDB: the key is refused", StopReason.ACCESS)).run(40)
    assert trial.stopped is not None
    assert (trial.stopped.kind, str(trial.stopped)) == (StopReason.ACCESS, "TMDB: the key is refused")
    assert trial.recorded == {}


def stop_at(tmdb_id: int, error: Exception) -> Callable[[int], None]:
    def act(number: int) -> None:
        if number == tmdb_id:
            raise error

    return act


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BatchStopped("TMDB: down", StopReason.UPSTREAM), StopReason.UPSTREAM),
        (StorageError("the disk is full"), StopReason.DATABASE),
    ],
)
def test_what_ends_a_batch_leaves_the_others_unasked_and_those_that_wait_unjudged(
    error: Exception, kind: StopReason
) -> None:
    trial = Trial(failing(3), act=stop_at(5, error)).run(1_000, workers=2)
    assert trial.stopped is not None
    assert trial.stopped.kind is kind
    assert trial.titles_asked < 20
    assert trial.compared == []
    assert 3 not in trial.recorded
    # A database that is gone takes no note of anything.
    assert sorted(trial.left) == ([3, 5] if kind is StopReason.UPSTREAM else [])


def test_at_the_end_of_a_quota_what_failed_until_then_is_judged_as_at_any_end() -> None:
    spent = BatchStopped("spent", StopReason.QUOTA)
    trial = Trial(failing(3), act=stop_at(10, spent)).run(1_000, workers=1)
    assert trial.stopped is spent
    assert trial.recorded[3].status is TitleStatus.ERROR
    assert 10 not in trial.recorded


def test_a_quota_that_ends_where_all_failed_alike_hides_no_fault_of_the_source() -> None:
    spent = BatchStopped("spent", StopReason.QUOTA)
    trial = Trial(failing(*range(1, 10)), act=stop_at(4, spent)).run(1_000, workers=1)
    assert trial.stopped is not None
    assert trial.stopped.kind is StopReason.SOURCE
    assert (trial.recorded, trial.compared) == ({}, []), "no witness can be asked any more"


def test_an_unexpected_error_is_that_titles_failure_in_one_line() -> None:
    trial = Trial(act=stop_at(2, KeyError("first line\nsecond line"))).run(3)
    assert trial.stopped is None
    [failed] = [outcome for outcome in trial.recorded.values() if outcome.status is TitleStatus.ERROR]
    [failure] = failed.failures
    assert (failure.tmdb_id, failure.stage, failure.source, failure.kind) == (2, "store", OURS, Kind.FAILED)
    assert failure.reason.startswith("unexpected KeyError: ")
    assert "\n" not in failure.reason
    assert len(trial.recorded) == 3


def test_no_more_than_a_bound_of_titles_is_begun_ahead_of_who_hears_of_them() -> None:
    begun, lock, most, hear = set(), Lock(), [], Event()

    def act(tmdb_id: int) -> None:
        with lock:
            begun.add(tmdb_id)
            if len(begun) > 1 + AHEAD * WORKERS:
                hear.set()

    def hold_up(outcome: TitleOutcome) -> None:
        # Nobody hears of the next title before this one was told of: the threads may run ahead meanwhile.
        hear.wait(0.2)
        most.append(len(begun) - len(trial.told) + 1)

    trial = Trial(act=act, on_outcome=hold_up)
    trial.run(60)
    assert WORKERS < max(most) <= 1 + AHEAD * WORKERS


def test_until_a_title_came_through_no_more_than_one_round_is_begun() -> None:
    begun: set[int] = set()
    release = Event()

    def act(tmdb_id: int) -> None:
        begun.add(tmdb_id)
        if tmdb_id == WORKERS:
            release.set()
        release.wait(10)

    trial = Trial(failing(*range(1, 41)), act=act, witness=None).run(40)
    assert trial.stopped is not None
    assert begun == set(range(1, WORKERS + 1))


def test_the_titles_answered_well_for_last_are_remembered_as_witnesses() -> None:
    assert Trial().run(20, workers=1).remembered == {
        DETAILS: [20, 19, 18, 17, 16],
        Question(OURS, "store"): [20, 19, 18, 17, 16],
    }
    with_failure = Trial(failing(18)).run(20, workers=1)
    assert with_failure.remembered is not None
    assert with_failure.remembered[DETAILS] == [20, 19, 17, 16, 15]


def test_an_empty_batch_is_none() -> None:
    trial = Trial().run(0)
    assert (trial.stopped, trial.remembered) == (None, {})


def test_who_follows_hears_of_pauses_while_a_title_is_under_way() -> None:
    paused = Event()

    def wait_for_a_pause(tmdb_id: int) -> None:
        assert tmdb_id != 2 or paused.wait(30)

    trial = Trial(act=wait_for_a_pause, on_pause=paused.set).run(2)

    assert sorted(trial.told) == [1, 2]
    assert not any(outcome.failures for outcome in trial.recorded.values())
