"""Which clock is believed, and what becomes of times that a wrong one gave, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.sync.trust.clock import agrees, forbids_cycle, in_words, redated

NOW = datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)
NOON = NOW.replace(microsecond=0)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("ahead", "right", "forbids"),
    [
        (timedelta(), True, False),
        (5 * MINUTE - SECOND, True, False),
        (5 * MINUTE, False, False),
        (-5 * MINUTE, False, False),
        (HOUR - SECOND, False, False),
        (HOUR, False, True),
        (-HOUR, False, True),
        (400 * DAY, False, True),
    ],
)
def test_a_clock_agrees_is_told_of_or_opens_no_cycle(ahead: timedelta, right: bool, forbids: bool) -> None:
    assert (agrees(ahead), forbids_cycle(ahead)) == (right, forbids)


@pytest.mark.parametrize(
    ("ahead", "last_right", "expected"),
    [
        ([], None, []),
        ([NOW + 2 * DAY], None, [NOON]),
        ([NOW + 2 * DAY, NOW + 400 * DAY], None, [NOON - SECOND, NOON]),
        ([NOW + DAY] * 3, NOON - DAY, [NOON - 2 * SECOND, NOON - SECOND, NOON]),
        # They stay newer than what is right, even where that is of this very second.
        ([NOW + DAY] * 2, NOON, [NOON + SECOND, NOON + 2 * SECOND]),
    ],
)
def test_cycles_that_lie_ahead_keep_their_order_the_newest_at_now(
    ahead: list[datetime], last_right: datetime | None, expected: list[datetime]
) -> None:
    assert redated(ahead, last_right, NOW) == expected


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (5 * MINUTE, "5 min ahead of Trakt's"),
        (-HOUR, "1 h behind Trakt's"),
        (2 * HOUR + 3 * MINUTE, "2 h 3 min ahead of Trakt's"),
        (2 * DAY - 10 * SECOND, "2 d ahead of Trakt's"),
        (-366 * DAY - HOUR, "366 d 1 h behind Trakt's"),
    ],
)
def test_how_far_a_clock_is_off_is_said_in_words(ahead: timedelta, said: str) -> None:
    assert in_words(ahead) == said
