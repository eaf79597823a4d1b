"""What the anime filter's and TMDB's word mean for a title: a table."""

import pytest

from ratingo_pipelines.sync.trust.eligibility import (
    UNKNOWN_TO_TMDB,
    Eligibility,
    StoredStanding,
    when_answered,
    when_unknown,
)

ANIME = "anime filter: genre 16"
NEW, STORED = StoredStanding(False, False, None), StoredStanding(True, False, None)
FILTERED = StoredStanding(True, True, None)
STOPPED, GONE = StoredStanding(True, False, ANIME), StoredStanding(True, False, UNKNOWN_TO_TMDB)
NEVER_IN = StoredStanding(False, False, ANIME)


@pytest.mark.parametrize(
    ("standing", "caught", "whole", "expected"),
    [
        (NEW, None, True, Eligibility()),
        (NEW, None, False, Eligibility()),
        (NEW, ANIME, True, Eligibility(skip=ANIME)),
        (STORED, None, False, Eligibility()),
        (STORED, ANIME, True, Eligibility(doubt=ANIME)),
        # Our own setting is no source.
        (FILTERED, ANIME, True, Eligibility(skip=ANIME)),
        (FILTERED, None, True, Eligibility()),
        (STOPPED, ANIME, True, Eligibility(skip=ANIME)),
        (STOPPED, None, False, Eligibility(skip=ANIME)),
        (STOPPED, None, True, Eligibility()),
        (NEVER_IN, None, False, Eligibility(skip=ANIME)),
        (NEVER_IN, None, True, Eligibility()),
        (GONE, None, False, Eligibility()),
    ],
)
def test_a_stored_title_is_doubted_and_a_stopped_one_let_in_by_a_whole_answer_alone(
    standing: StoredStanding, caught: str | None, whole: bool, expected: Eligibility
) -> None:
    assert when_answered(standing, caught, whole=whole) == expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (NEW, Eligibility(skip=UNKNOWN_TO_TMDB)),
        (STORED, Eligibility(doubt=UNKNOWN_TO_TMDB)),
        (FILTERED, Eligibility(doubt=UNKNOWN_TO_TMDB)),
        (GONE, Eligibility(skip=UNKNOWN_TO_TMDB)),
    ],
)
def test_that_tmdb_does_not_know_a_title_is_doubted_where_it_told_of_it(
    standing: StoredStanding, expected: Eligibility
) -> None:
    assert when_unknown(standing) == expected
