"""When TMDB's list is taken for Trakt's, in a table."""

from datetime import UTC, datetime

import pytest

from ratingo_pipelines.settings import OFF
from ratingo_pipelines.sync.trust.standing_in import stands_in

CRON = "0 */6 * * *"


def at(hour: int, minute: int = 1, day: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failed_at", "last_whole", "cron", "taken"),
    [
        ([at(6)], at(0), CRON, False),
        ([at(6), at(6, 20), at(7)], at(0), CRON, False),
        ([at(6), at(12)], at(0), CRON, True),
        ([at(5, 50), at(6)], at(0), CRON, False),
        ([at(6), at(6, 20), at(12, 20), at(18)], at(0), CRON, True),
        ([at(6), at(12)], None, CRON, True),
        ([at(6)], None, CRON, False),
        ([at(6, 5), at(6, 30)], at(0), OFF, False),
        ([at(6, 5), at(9, 30)], at(0), OFF, True),
    ],
)
def test_it_is_taken_once_two_scheduled_lists_were_missed(
    failed_at: list[datetime], last_whole: datetime | None, cron: str, taken: bool
) -> None:
    assert stands_in(refused=False, failed_at=failed_at, last_whole=last_whole, cron=cron) is taken


def test_it_is_taken_at_once_where_trakt_refuses_access() -> None:
    assert stands_in(refused=True, failed_at=[at(6)], last_whole=at(0), cron=CRON)
