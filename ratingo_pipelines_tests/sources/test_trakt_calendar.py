"""Trakt's calendar: asked for in pieces that fail alone, read entry by entry."""

from datetime import date
from typing import Any

import pytest

from ratingo_pipelines.sources.errors import (
    Misrouted,
)
from ratingo_pipelines.sources.trakt import (
    TraktClient,
    parse_calendar,
)
from ratingo_pipelines_tests.sources.examples import title
from ratingo_pipelines_tests.sources.http.upstream import Reply, Upstream


def test_a_long_calendar_is_asked_for_in_pieces_of_five_days(trakt: TraktClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: [
        {"first_aired": "2026-11-24T02:00:00.000Z", "episode": {"season": 0, "number": 1}, "show": title(1)}
    ]
    pieces = list(trakt.calendar(date(2026, 12, 25), 12))
    assert [(piece.start, piece.days, piece.end, len(piece.entries)) for piece in pieces] == [
        (date(2026, 12, 25), 5, date(2026, 12, 30), 1),
        (date(2026, 12, 30), 5, date(2027, 1, 4), 1),
        (date(2027, 1, 4), 2, date(2027, 1, 6), 1),
    ]
    assert upstream.paths == [
        "/calendars/all/shows/2026-12-25/5",
        "/calendars/all/shows/2026-12-30/5",
        "/calendars/all/shows/2027-01-04/2",
    ]


def test_a_piece_of_the_calendar_fails_alone(trakt: TraktClient, upstream: Upstream) -> None:
    good = [{"first_aired": "2026-12-30T02:00:00.000Z", "episode": {"season": 0, "number": 1}, "show": title(1)}]
    upstream.answer = lambda asked: good if "2026-12-30" in asked.path else Reply("", 404)
    first, second, third = trakt.calendar(date(2026, 12, 25), 12)
    assert (len(first.entries), len(second.entries), len(third.entries)) == (0, 1, 0)
    assert isinstance(first.error, Misrouted)
    assert second.error is None


def test_an_empty_calendar_window_asks_nothing(trakt: TraktClient, upstream: Upstream) -> None:
    assert list(trakt.calendar(date(2026, 11, 22), 0)) == []
    assert upstream.asked == []


def test_a_calendar_entry_keeps_its_place_however_little_of_it_can_be_read() -> None:
    episode = {"season": 2, "number": 3, "title": "Ghosts", "episode_type": "season_finale"}
    good = {"first_aired": "2026-11-24T02:00:00.000Z", "episode": episode, "show": title(1) | {"network": "HBO"}}
    entries = parse_calendar(
        [good, good | {"episode": None}, good | {"episode": {"season": 1}}, good | {"show": None}, None]
    )
    assert [(entry.season, entry.number, entry.show.tmdb) for entry in entries] == [
        (2, 3, 1001),
        (None, None, 1001),
        (1, None, 1001),
        (2, 3, None),
        (None, None, None),
    ]
    entry = entries[0]
    assert (entry.episode_title, entry.episode_type, entry.show.network) == ("Ghosts", "season_finale", "HBO")
    assert [entry.is_whole for entry in entries] == [True, False, False, True, False]


@pytest.mark.parametrize(
    ("came", "read"),
    [
        ("2026-11-24T02:00:00.000Z", "2026-11-24T02:00:00.000Z"),
        ("2026-11-24T02:00:00Z", "2026-11-24T02:00:00.000Z"),
        ("2026-11-24T02:00:00.123456Z", "2026-11-24T02:00:00.123Z"),
        ("2026-11-24T02:00:00.000-05:00", "2026-11-24T07:00:00.000Z"),
        ("0000-11-24T02:00:00.000Z", None),
        ("2026-13-45T02:00:00.000Z", None),
        ("", None),
        (None, None),
        (20261124, None),
    ],
)
def test_an_airing_time_is_an_instant_in_utc_in_one_spelling(came: Any, read: str | None) -> None:
    good = {"first_aired": "2026-11-24T02:00:00.000Z", "episode": {"season": 1, "number": 1}, "show": {}}
    found = [entry.first_aired for entry in parse_calendar([good, good | {"first_aired": came}])]
    assert found == ["2026-11-24T02:00:00.000Z", read]
