"""Which lists are whole, as tables; numbers are titles, entries and watchers."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.sources.trakt import MonthlyEntry, TraktTitle, TrendingEntry
from ratingo_pipelines.sync.trust.lists import (
    ListFault,
    ListReading,
    ListVerdict,
    is_believed,
    judge_month,
    judge_trending,
    read_month,
    read_trending,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def watched(titles: int, watchers: int = 100, first: int = 1) -> Mapping[int, int]:
    return {first + place: watchers for place in range(titles)}


def reading(
    usable: int, *, asked: int = 100, entries: int | None = None, named: int | None = None, watchers: int = 100
) -> ListReading:
    """A list; all its entries are usable and named, unless said otherwise."""
    total = usable if entries is None else entries
    return ListReading(asked, total, total if named is None else named, watched(usable, watchers))


WHOLE = reading(96, entries=100)


@pytest.mark.parametrize(
    ("found", "last", "fault"),
    [
        pytest.param(WHOLE, None, None, id="a first list"),
        pytest.param(WHOLE, WHOLE, None, id="the same again"),
        pytest.param(reading(0), WHOLE, ListFault.EMPTY, id="empty"),
        pytest.param(reading(0), None, ListFault.EMPTY, id="empty, the first"),
        pytest.param(reading(96, entries=100, named=90), WHOLE, None, id="nine tenths are named"),
        pytest.param(reading(89, entries=100, named=89), WHOLE, ListFault.NAMELESS, id="fewer are named"),
        pytest.param(reading(3, asked=4, entries=4, named=3), None, None, id="all but one are named"),
        pytest.param(reading(2, asked=4, entries=4, named=2), None, ListFault.NAMELESS, id="all but two"),
        pytest.param(reading(50, entries=100), None, None, id="half of the first can be used"),
        pytest.param(reading(49, entries=100), None, ListFault.UNUSABLE, id="less than half of the first"),
        pytest.param(reading(1, entries=100), WHOLE, ListFault.UNUSABLE, id="one title a hundred times"),
        pytest.param(reading(48), WHOLE, None, id="half as many as the last"),
        pytest.param(reading(47), WHOLE, ListFault.SHORT, id="less than half as many"),
        pytest.param(reading(3), WHOLE, ListFault.SHORT, id="three"),
        pytest.param(reading(6, asked=6), WHOLE, None, id="less was asked for"),
        pytest.param(reading(2, asked=6), WHOLE, ListFault.SHORT, id="less was asked for and too little came"),
        pytest.param(reading(96, entries=100), reading(6, asked=6), None, id="more was asked for"),
        pytest.param(reading(3), reading(6, asked=6), ListFault.SHORT, id="more was asked for and less came"),
        pytest.param(
            reading(266, asked=1000, entries=271), WHOLE, None, id="more was asked for than the source's list holds"
        ),
        pytest.param(WHOLE, reading(266, asked=1000, entries=271), None, id="the last list ended before its limit"),
        pytest.param(
            reading(40), reading(266, asked=1000, entries=271), ListFault.SHORT, id="short beside one that ended early"
        ),
        pytest.param(
            reading(200, asked=2000), reading(266, asked=1000, entries=271), None, id="beyond where the last one ended"
        ),
        pytest.param(reading(96, entries=100, watchers=0), None, ListFault.UNWATCHED, id="nobody watches anything"),
        pytest.param(reading(96, entries=100, watchers=10), WHOLE, None, id="a tenth of the watchers"),
        pytest.param(reading(96, entries=100, watchers=9), WHOLE, ListFault.UNWATCHED, id="less than a tenth"),
        pytest.param(
            ListReading(100, 100, 100, watched(96, 5, first=80)), WHOLE, None, id="less, but of too few to compare"
        ),
        pytest.param(
            ListReading(100, 100, 100, watched(96, 5, first=500)), WHOLE, None, id="no title in common with the last"
        ),
    ],
)
def test_a_trending_list_is_whole_or_it_is_not(
    found: ListReading, last: ListReading | None, fault: ListFault | None
) -> None:
    verdict = judge_trending(found, last)
    assert (verdict and verdict.fault) == fault


@pytest.mark.parametrize(
    ("found", "kept", "fault"),
    [
        (reading(250, asked=250), None, None),
        (reading(250, asked=250), 250, None),
        (reading(225, asked=250, entries=250, named=225), None, None),
        (reading(224, asked=250, entries=250, named=224), None, ListFault.NAMELESS),
        (reading(1, asked=250, entries=250), None, ListFault.UNUSABLE),
        (reading(250, asked=250, watchers=0), None, ListFault.UNWATCHED),
        (reading(30, asked=250), None, None),
        (reading(125, asked=250), 250, None),
        (reading(124, asked=250), 250, ListFault.SHORT),
    ],
)
def test_the_list_of_a_month_is_whole_or_it_is_not(
    found: ListReading, kept: int | None, fault: ListFault | None
) -> None:
    verdict = judge_month(found, kept)
    assert (verdict and verdict.fault) == fault


def test_what_a_list_comes_to_is_counted_entry_by_entry() -> None:
    listed = [
        TrendingEntry(50, TraktTitle(trakt=1, tmdb=11, title="One")),
        TrendingEntry(40, TraktTitle(trakt=2, title="Without a TMDB id")),
        TrendingEntry(None, TraktTitle(trakt=3, tmdb=13, title="Without watchers")),
        TrendingEntry(30, TraktTitle(trakt=4, tmdb=11, title="One again")),
        TrendingEntry(20, TraktTitle(trakt=5, tmdb=15)),
        TrendingEntry(10, TraktTitle(title="Without any id")),
        TrendingEntry(0, TraktTitle(imdb="tt0000017", tmdb=17, title="Unwatched")),
    ]
    assert read_trending(100, listed) == ListReading(100, 7, 5, {11: 50, 15: 20, 17: 0})
    monthly = [MonthlyEntry(9, TraktTitle(trakt=1, title="One")), MonthlyEntry(8, TraktTitle(tmdb=2, title="Two"))]
    assert read_month(250, monthly) == ListReading(250, 2, 2, {1: 9})


def ago(*minutes: int) -> list[datetime]:
    return [NOW - timedelta(minutes=each) for each in minutes]


@pytest.mark.parametrize(
    ("fault", "refused_before", "believed"),
    [
        (ListFault.SHORT, [], False),
        (ListFault.SHORT, ago(61), False),
        (ListFault.SHORT, ago(61, 1), True),
        (ListFault.SHORT, ago(60, 30), True),
        (ListFault.SHORT, ago(59, 45, 30, 15), False),
        (ListFault.SHORT, ago(600, 500, 400), True),
        *((fault, ago(600, 500, 400), False) for fault in ListFault if fault is not ListFault.SHORT),
    ],
)
def test_only_a_list_that_stays_short_is_believed(
    fault: ListFault, refused_before: list[datetime], believed: bool
) -> None:
    assert is_believed(ListVerdict(fault, "..."), refused_before, NOW) is believed


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (reading(3), "is short: 3 titles of 100 asked for, where the last one had 96"),
        (reading(1), "is short: 1 title of 100 asked for, where the last one had 96"),
        (reading(2, asked=6), "is short: 2 titles of 6 asked for, where the last one had 96 of 100 asked for"),
        (
            reading(1, entries=100),
            "has only 1 title in 100 entries: the others have no id or no watchers, or come twice",
        ),
        (reading(50, entries=100, named=50), "names a title in only 50 of its 100 entries"),
        (reading(96, watchers=0), "says of every title that nobody watches it"),
        (reading(96, watchers=1), "gives 96 titles 96 watchers together, the last one 9600"),
    ],
)
def test_a_verdict_says_what_is_wrong(found: ListReading, said: str) -> None:
    verdict = judge_trending(found, WHOLE)
    assert verdict is not None
    assert verdict.said == said
