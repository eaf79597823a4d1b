"""The world moves with the epoch, and only with it."""

from datetime import date, timedelta

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.world import World
from ratingo_pipelines_tests.sandbox.days import TODAY


def _world(epoch: int = 0, today: date = TODAY) -> World:
    return World(catalogue(), epoch, today)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_same_epoch_is_the_same_world(medium: Medium) -> None:
    assert _world(3).trending(medium) == _world(3).trending(medium)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_list_is_sorted_by_watchers_but_for_what_is_listed_twice(medium: Medium) -> None:
    first: dict[int, int] = {}
    for count, title in _world().trending(medium):
        first.setdefault(title.index, count)
    watchers = list(first.values())
    assert watchers == sorted(watchers, reverse=True)
    assert watchers[-1] > 0


@pytest.mark.parametrize("medium", MEDIA, ids=str)
@pytest.mark.parametrize("epoch", range(5))
def test_with_every_epoch_some_titles_enter_the_first_hundred_and_some_leave(medium: Medium, epoch: int) -> None:
    before, after = (
        {title.trakt_id: watchers for watchers, title in _world(moment).trending(medium)[:100]}
        for moment in (epoch, epoch + 1)
    )
    assert after.keys() - before.keys()
    assert before.keys() - after.keys()
    stayed = after.keys() & before.keys()
    assert sum(after[one] != before[one] for one in stayed) > 0.8 * len(stayed)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_votes_grow_and_some_offers_and_related_titles_come_and_go(medium: Medium) -> None:
    before, after = _world(0), _world(1)
    titles = [title for _, title in before.trending(medium)[:100] if title.voted and title.numbers]
    grown = [(after.votes(one).tmdb_votes or 0) - (before.votes(one).tmdb_votes or 0) for one in titles]
    assert min(grown) >= 0
    assert max(grown) > 0
    changed = [set(before.offers(one)) ^ set(after.offers(one)) for one in titles]
    assert sum(map(bool, changed)) > 10
    assert sum(before.related(one) != _world(10).related(one) for one in titles) > 5
    assert all(before.related(one) == _world(9).related(one) for one in titles)
    assert any(before.videos(one) != after.videos(one) for one in titles)


def test_the_next_episode_becomes_the_last_one() -> None:
    moved = 0
    for _, show in _world().trending(SHOWS)[:100]:
        _, following = _world(0).last_and_next(show)
        if following is not None:
            last, _ = _world(1).last_and_next(show)
            assert last is not None
            assert (last.season, last.number) == (following.season, following.number)
            moved += 1
    assert moved > 20


def test_last_episodes_are_over_and_next_ones_to_come() -> None:
    for epoch in (0, 3, 40):
        for show in catalogue().titles[SHOWS]:
            last, following = _world(epoch).last_and_next(show)
            assert last is not None
            assert last.airs < TODAY
            assert following is None or following.airs >= TODAY


def test_the_calendar_names_the_next_episode_on_its_day() -> None:
    world = _world()
    listed = {(title.trakt_id, one.season, one.number): one.airs for one, title in world.calendar(TODAY, 33)}
    assert len(listed) > 500
    for show in catalogue().titles[SHOWS]:
        _, following = world.last_and_next(show)
        if following is not None:
            assert listed[show.trakt_id, following.season, following.number] == following.airs


def test_the_calendar_keeps_to_its_window() -> None:
    start = TODAY - timedelta(days=7)
    days = {episode.airs for episode, _ in _world().calendar(start, 10)}
    assert days
    assert all(start <= day < start + timedelta(days=10) for day in days)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_month_that_is_over_never_changes(medium: Medium) -> None:
    month = date(2026, 9, 1)
    assert _world(0).monthly(medium, month) == _world(7, date(2027, 1, 5)).monthly(medium, month)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_monthly_lists_are_one_page_of_complete_months_only(medium: Medium) -> None:
    listed = _world().monthly(medium, date(2026, 10, 1))
    assert listed is not None
    assert len(listed) == 250
    assert _world().monthly(medium, date(2026, 11, 1)) is None
    assert _world().monthly(medium, date(2026, 12, 1)) is None
    assert not any("not_watched_monthly" in title.oddities for _, title in listed)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_buckets_add_up_to_the_votes_and_to_the_average(medium: Medium) -> None:
    for _, title in _world().trending(medium):
        votes = _world().votes(title)
        if votes.buckets:
            assert sum(votes.buckets.values()) == votes.trakt_votes
            total = sum(bucket * count for bucket, count in votes.buckets.items())
            assert votes.trakt == pytest.approx(total / votes.trakt_votes, abs=1e-5)
