"""Whose fault a failure is, as tables: what was heard in what order, and when a witness must be asked."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ratingo_pipelines.sources.errors import (
    BadPayload,
    CircuitOpen,
    Misrouted,
    NotFound,
    Rejected,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sync.trust.blame import (
    OURS,
    ROW_AT_THE_END,
    WITNESSES_KEPT,
    WORD_HOLDS,
    Answer,
    Blame,
    Evidence,
    Kind,
    Question,
    common_failure,
    is_own,
    kind_of,
)

DETAILS, RATINGS, STORE = Question("TMDB", "details"), Question("Trakt", "ratings"), Question(OURS, "store")
LETTERS = {
    ".": Kind.WELL,
    "r": Kind.REFUSED,
    "b": Kind.UNREADABLE,
    "m": Kind.MISROUTED,
    "u": Kind.UNKNOWN,
    "n": Kind.UNANSWERED,
    "f": Kind.FAILED,
}


def kinds(text: str) -> list[Kind]:
    return [LETTERS[letter] for letter in text]


def hear(blame: Blame, text: str, first: int = 0, question: Question = DETAILS) -> None:
    """One letter a title; each title is told apart by its place."""
    for key, kind in enumerate(kinds(text), start=first):
        blame.hear(key, [Answer(question, key, kind, f"{kind} {key}")])


def asked_after(text: str, *, titles: int, workers: int, question: Question = DETAILS) -> list[int]:
    """After how many titles a witness is asked, who is always answered well; the batch ends with the text."""
    blame, asked = Blame(titles, workers), []
    for count, letter in enumerate(text, start=1):
        hear(blame, letter, first=count, question=question)
        over = count == len(text)
        while blame.suspicion(over=over):
            asked.append(count)
            blame.vouch(question)
    return asked


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFound("TMDB", "it is unknown"), Kind.UNKNOWN),
        (Rejected("TMDB", "it is refused", 400), Kind.REFUSED),
        (BadPayload("TMDB", "it is unreadable"), Kind.UNREADABLE),
        (Misrouted("TMDB", "it redirects"), Kind.MISROUTED),
        (SourceUnavailable("TMDB", "it is down"), Kind.UNANSWERED),
        (CircuitOpen("TMDB", "it is down", datetime.now(UTC)), Kind.UNANSWERED),
    ],
)
def test_errors_are_alike_by_their_kind(error: SourceError, kind: Kind) -> None:
    assert kind_of(error) is kind


@pytest.mark.parametrize(
    ("heard", "common"),
    [
        ("", None),
        ("....", None),
        ("uuuu", Kind.UNKNOWN),
        ("uu..", None),
        ("uuu..", Kind.UNKNOWN),
        ("mmm..", Kind.MISROUTED),
        ("uur..", None),
        ("uurb", Kind.UNKNOWN),
        ("nnnn", None),
        ("nnnu", Kind.UNKNOWN),
        ("nnnu.", None),
        ("ffff", None),
    ],
)
def test_a_failure_is_common_where_most_or_all_failed(heard: str, common: Kind | None) -> None:
    assert common_failure(kinds(heard)) is common


@pytest.mark.parametrize(
    ("heard", "titles", "workers", "asked"),
    [
        pytest.param("." * 40, 40, 8, [], id="nothing fails"),
        pytest.param("u" * 7, 40, 8, [7], id="the batch ends before the round does"),
        pytest.param("u" * 8, 40, 8, [8], id="as many as there are workers"),
        pytest.param("u" * 6, 6, 16, [6], id="the whole batch, if it is smaller"),
        pytest.param("u", 1, 16, [1], id="a batch of one"),
        pytest.param(".", 1, 16, [], id="a batch of one that went well"),
        pytest.param("u..", 3, 16, [], id="one of three"),
        pytest.param("uu.", 3, 16, [3], id="two of three"),
        pytest.param("u.u.u.u." * 5, 40, 8, [], id="half of them"),
        pytest.param("." * 20 + "u" * 8 + "." * 12, 40, 8, [25], id="a majority in the middle"),
        pytest.param("." * 20 + "u" * 20, 40, 8, [25, 40], id="a majority that stays"),
        pytest.param("." * 38 + "uu", 40, 8, [], id="few at the end"),
        pytest.param("." * 195 + "u" * ROW_AT_THE_END, 200, 16, [200], id="a row of them at the end"),
        pytest.param("." * 195 + "nnnnn", 200, 16, [], id="a row of no answers"),
        pytest.param("n" * 40, 40, 8, [], id="no answers are the circuit's"),
        pytest.param("rbmurbmu", 8, 8, [8], id="each failed in its own way, and none was answered well"),
        pytest.param("u" * (8 + WORD_HOLDS * 8), 200, 8, [8, 72], id="a word holds for long"),
        pytest.param("u" * 5, 40, 1, [5], id="no round is smaller than a small batch"),
        pytest.param("u....u....u....", 40, 1, [], id="a single worker"),
    ],
)
def test_a_witness_is_asked_when_the_first_or_the_most_fail_alike(
    heard: str, titles: int, workers: int, asked: Sequence[int]
) -> None:
    assert asked_after(heard, titles=titles, workers=workers) == asked


def test_no_witness_is_asked_about_a_step_of_our_own() -> None:
    assert asked_after("f" * 40, titles=40, workers=8, question=STORE) == []


def test_a_suspicion_says_what_the_answers_have_in_common() -> None:
    blame = Blame(40, 8)
    hear(blame, "uuu.uuub")
    suspicion = blame.suspicion(over=False)
    assert suspicion is not None
    assert (suspicion.question, suspicion.kind, suspicion.alike, suspicion.heard) == (DETAILS, Kind.UNKNOWN, 6, 8)
    assert suspicion.said == "unknown 6"


def test_each_question_is_judged_by_itself() -> None:
    blame = Blame(40, 8)
    for key in range(8):
        blame.hear(key, [Answer(DETAILS, key, Kind.WELL), Answer(RATINGS, key, Kind.MISROUTED, "a page")])
    suspicion = blame.suspicion(over=False)
    assert suspicion is not None
    assert suspicion.question == RATINGS


def test_a_failure_waits_until_so_much_was_heard_after_it_that_it_is_not_common() -> None:
    blame = Blame(40, 8)
    hear(blame, "u...b..........")
    assert blame.judged(over=False) == []
    hear(blame, ".", first=15)
    assert blame.judged(over=False) == [0], "a round was heard since, and as many as may have been under way"
    hear(blame, "...", first=16)
    assert blame.judged(over=False) == []
    hear(blame, ".", first=19)
    assert blame.judged(over=False) == [4]
    assert blame.judged(over=True) == [], "each is told once"


def test_with_the_witness_s_word_all_failures_so_far_are_the_titles_own() -> None:
    blame = Blame(40, 8)
    hear(blame, "uuuuuuuu")
    blame.vouch(DETAILS)
    assert blame.suspicion(over=False) is None
    assert blame.judged(over=False) == list(range(8))


def test_at_the_end_of_a_batch_nothing_waits_any_longer() -> None:
    blame = Blame(40, 8)
    hear(blame, ".u")
    assert blame.suspicion(over=True) is None
    assert blame.judged(over=True) == [1]


def test_a_title_that_failed_in_two_questions_waits_for_both() -> None:
    blame = Blame(100, 5)
    blame.hear(0, [Answer(DETAILS, 0, Kind.UNREADABLE), Answer(RATINGS, 0, Kind.UNKNOWN)])
    hear(blame, "." * 9, first=1)
    assert blame.judged(over=False) == []
    hear(blame, "." * 9, first=1, question=RATINGS)
    assert blame.judged(over=False) == [0]


@pytest.mark.parametrize(
    ("heard", "is_over"), [("", False), ("u", False), ("uuuuuuu", False), ("uuuuuuuu", True), (".", True), ("u.", True)]
)
def test_the_first_round_is_over_with_a_title_that_came_through_or_a_whole_round(heard: str, is_over: bool) -> None:
    blame = Blame(40, 8)
    hear(blame, heard)
    assert blame.first_round_is_over is is_over


def test_the_titles_answered_well_for_last_can_be_witnesses() -> None:
    blame = Blame(40, 8)
    hear(blame, "..u.....")
    assert blame.answered_well() == {DETAILS: [7, 6, 5, 4, 3]}
    assert WITNESSES_KEPT == 5


def test_the_evidence_counts_what_the_batch_came_to_in_one_question() -> None:
    blame = Blame(40, 8)
    hear(blame, "..uub...")
    assert blame.evidence(DETAILS, Kind.UNKNOWN) == Evidence(titles=40, well=5, alike=2, vouched=False)
    assert blame.evidence(RATINGS, Kind.UNKNOWN) == Evidence(titles=40, well=0, alike=0, vouched=False)
    blame.vouch(DETAILS)
    assert blame.evidence(DETAILS, Kind.UNREADABLE) == Evidence(titles=40, well=5, alike=1, vouched=True)


@pytest.mark.parametrize(
    ("titles", "well", "alike", "vouched", "others_since", "own"),
    [
        pytest.param(90, 89, 1, False, False, True, id="it alone fails"),
        pytest.param(90, 46, 44, False, False, True, id="more came through"),
        pytest.param(90, 45, 45, False, False, False, id="as many failed"),
        pytest.param(90, 0, 90, False, True, False, id="all fail, whatever came through before"),
        pytest.param(90, 0, 90, True, False, False, id="all fail, though a witness was answered"),
        pytest.param(5, 4, 1, False, False, True, id="the smallest batch that tells"),
        pytest.param(4, 3, 1, False, False, False, id="too few to tell"),
        pytest.param(4, 3, 1, False, True, True, id="too few, and others came through since the last time"),
        pytest.param(1, 0, 1, True, False, True, id="alone, and the witness was answered"),
        pytest.param(1, 0, 1, False, False, False, id="alone, and nobody to compare with"),
        pytest.param(1, 0, 1, False, True, True, id="alone, and others came through since the last time"),
    ],
)
def test_an_attempt_is_spent_only_for_a_failure_of_the_title_s_own(
    titles: int, well: int, alike: int, vouched: bool, others_since: bool, own: bool
) -> None:
    assert is_own(Evidence(titles, well, alike, vouched), others_since) is own
