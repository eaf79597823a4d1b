"""When an answer that empties is believed, and when it is one of too many: tables of plain values."""

from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.storage.doubts import Doubt
from ratingo_pipelines.sync.trust.doubts import (
    Ledger,
    are_many,
    emptied,
    ended,
    is_believed,
    judge,
    many_said,
)
from ratingo_pipelines.sync.trust.parts import FactPart, PartKey

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CAST, VIDEOS = PartKey(FactPart.CAST), PartKey(FactPart.VIDEOS)
UA, US = PartKey(FactPart.PROVIDERS, "UA"), PartKey(FactPart.PROVIDERS, "US")


def doubt(tmdb_id: int = 1, key: PartKey = CAST, *, age: timedelta = timedelta(), many: bool = False) -> Doubt:
    return Doubt("shows", tmdb_id, key.part, key.region, None, NOW - age, NOW - age, many)


def test_only_what_came_empty_of_what_there_was_is_emptied() -> None:
    stored = {CAST: 12, VIDEOS: 3, UA: 0, US: 2}
    assert emptied(stored, {CAST: 0, VIDEOS: 1, UA: 0}) == {CAST}


def test_a_good_answer_ends_a_doubt_and_so_does_having_nothing_to_lose() -> None:
    stored = {CAST: 12, VIDEOS: 0, UA: 1, US: 1}
    assert ended([CAST, VIDEOS, UA, US], stored, {CAST: 12, VIDEOS: 0, UA: 0}) == {CAST, VIDEOS}


@pytest.mark.parametrize(
    ("doubted", "had", "many"),
    [(5, 5, False), (6, 6, True), (6, 29, True), (6, 30, False), (20, 100, False), (21, 100, True)],
)
def test_more_than_five_titles_and_more_than_a_fifth_are_many(doubted: int, had: int, many: bool) -> None:
    assert are_many(doubted, had) is many


@pytest.mark.parametrize(
    ("age", "was_many", "are_many_now", "believed"),
    [
        (timedelta(), False, False, False),
        (timedelta(hours=4, minutes=59), False, False, False),
        (timedelta(hours=5), False, False, True),
        (timedelta(hours=5), False, True, False),
        (timedelta(hours=5), True, False, False),
        (timedelta(days=6, hours=23), True, True, False),
        (timedelta(days=7), True, True, True),
        (timedelta(days=7), True, False, True),
        (timedelta(days=7), False, True, True),
    ],
)
def test_a_second_answer_is_believed_after_five_hours_and_one_of_many_after_a_week(
    age: timedelta, was_many: bool, are_many_now: bool, believed: bool
) -> None:
    assert is_believed(doubt(age=age, many=was_many), NOW, are_many_now) is believed


def ledger(doubted: int, had: int, key: PartKey = CAST) -> Ledger:
    found = Ledger()
    for tmdb_id in range(1, had + 1):
        found.note(tmdb_id, [key], [key] if tmdb_id <= doubted else [])
    return found


def test_what_a_killed_batch_left_unjudged_is_not_believed_while_too_many_say_the_same() -> None:
    open_doubts = {tmdb_id: [doubt(tmdb_id, age=timedelta(hours=6))] for tmdb_id in range(1, 9)}
    verdict = judge(ledger(8, 10), open_doubts, NOW)
    assert (verdict.many, verdict.believed, verdict.kept) == ({CAST: set(range(1, 9))}, {}, [])


def test_many_that_are_believed_after_a_week_are_no_problem_any_more() -> None:
    week, young = timedelta(days=7), timedelta(days=2)
    old = {tmdb_id: [doubt(tmdb_id, age=week, many=True)] for tmdb_id in range(1, 8)}
    verdict = judge(ledger(8, 10), {**old, 8: [doubt(8, age=young, many=True)]}, NOW)
    assert (verdict.many, verdict.believed, verdict.kept) == ({CAST: {8}}, old, [])


def test_single_doubts_are_kept_until_they_are_believed() -> None:
    young, old = doubt(1, age=timedelta(hours=1)), doubt(2, age=timedelta(hours=6))
    verdict = judge(ledger(2, 10), {1: [young], 2: [old]}, NOW)
    assert (verdict.many, verdict.believed, verdict.kept) == ({}, {2: [old]}, [young])


def test_a_doubt_that_no_answer_of_the_batch_bears_out_is_left_alone() -> None:
    found = Ledger()
    found.note(1, [CAST, VIDEOS], [VIDEOS])
    verdict = judge(found, {1: [doubt(1, CAST, age=timedelta(hours=6)), doubt(1, VIDEOS)]}, NOW)
    assert (verdict.believed, [one.part for one in verdict.kept]) == ({}, ["videos"])


def test_regions_are_judged_apart() -> None:
    found = Ledger()
    for tmdb_id in range(1, 11):
        found.note(tmdb_id, [UA, US], [UA])
    assert found.many == {UA}


@pytest.mark.parametrize(
    ("key", "titles", "had", "expected"),
    [
        (CAST, 8, 10, "TMDB says that 8 of 10 shows have no cast any more"),
        (UA, 8, None, "TMDB says that 8 shows have no providers UA any more"),
        (PartKey(FactPart.BUCKETS), 9, 9, "Trakt says that 9 of 9 shows have no buckets any more"),
        (PartKey(FactPart.UNKNOWN), 8, 10, "TMDB says that 8 of 10 shows do not exist any more"),
        (PartKey(FactPart.ANIME), 8, 10, "TMDB says that 8 of 10 shows fall to the anime filter"),
    ],
)
def test_the_source_s_fault_is_told_in_one_sentence_with_what_to_do(
    key: PartKey, titles: int, had: int | None, expected: str
) -> None:
    said = many_said("shows", key, titles, had)
    assert said.startswith(f"{expected}, which is taken for its fault. What is known is kept.")
    assert f"`ratingo doubts accept {key.part}`" in said
