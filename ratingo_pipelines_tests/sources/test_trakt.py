"""The client of Trakt, over HTTP, and what becomes of its answers, save its calendar's."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    Misrouted,
    NotFound,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.trakt import (
    CalendarPiece,
    TraktClient,
    TraktTitle,
    open_trakt,
    parse_calendar,
    parse_monthly,
    parse_ratings,
    parse_related,
    parse_trending,
    windows_of,
)
from ratingo_pipelines_tests.sources.examples import title
from ratingo_pipelines_tests.sources.http.upstream import Asked, Reply, Upstream, always, settings_for


def trending_pages(total: int, *, largest: int = 250, with_headers: bool = True) -> Any:
    """A trending list that is served in pages, clamped to `largest` as Trakt clamps them."""

    def answer(asked: Asked) -> Reply:
        size = min(int(asked.query["limit"]), largest)
        start = (int(asked.query["page"]) - 1) * size
        rows = [{"watchers": total - n, "show": title(n)} for n in range(start, min(start + size, total))]
        headers = {"X-Pagination-Limit": str(size), "X-Pagination-Page-Count": str(-(-total // size))}
        return Reply(rows, headers=headers if with_headers else {})

    return answer


def test_a_request_carries_the_key_the_version_and_the_applications_name(
    trakt: TraktClient, upstream: Upstream
) -> None:
    upstream.answer = trending_pages(3)
    trakt.trending(SHOWS, 3)
    headers = upstream.asked[0].headers
    assert headers["trakt-api-key"] == "trakt-key"
    assert headers["trakt-api-version"] == "2"
    assert headers["content-type"] == "application/json"
    assert "ratingo" in headers["user-agent"]
    assert upstream.asked[0].query == {"extended": "full", "page": "1", "limit": "3"}


@pytest.mark.parametrize(
    ("limit", "total", "requests"), [(100, 500, 1), (250, 500, 1), (400, 1000, 2), (600, 300, 2), (300, 250, 1)]
)
def test_a_long_list_is_fetched_in_pages_of_one_size_and_cut_to_the_limit(
    trakt: TraktClient, upstream: Upstream, limit: int, total: int, requests: int
) -> None:
    upstream.answer = trending_pages(total)
    entries = trakt.trending(SHOWS, limit)
    assert [entry.title.trakt for entry in entries] == [n or None for n in range(min(limit, total))]
    assert len(upstream.asked) == requests
    assert len({request.query["limit"] for request in upstream.asked}) == 1


@pytest.mark.parametrize("with_headers", [True, False])
def test_a_server_that_gives_smaller_pages_loses_no_entry(
    trakt: TraktClient, upstream: Upstream, with_headers: bool
) -> None:
    upstream.answer = trending_pages(230, largest=50, with_headers=with_headers)
    for limit, pages in ((100, 2), (220, 5)):
        upstream.asked.clear()
        entries = trakt.trending(SHOWS, limit)
        assert [entry.title.tmdb for entry in entries] == [1000 + n for n in range(limit)]
        assert len(upstream.asked) == pages


def test_without_page_headers_an_empty_page_ends_the_list(trakt: TraktClient, upstream: Upstream) -> None:
    upstream.answer = trending_pages(260, with_headers=False)
    assert len(trakt.trending(SHOWS, 300)) == 260
    assert len(upstream.asked) == 3


def test_a_server_that_gives_one_page_for_ever_is_asked_twice(trakt: TraktClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: [{"watchers": 5, "show": title(n)} for n in range(1, 6)]
    assert [entry.title.trakt for entry in trakt.trending(SHOWS, 100)] == [1, 2, 3, 4, 5]
    assert len(upstream.asked) == 2
    # A page of which nothing can be read is asked for once more.
    upstream.answer = lambda asked: ["odd"] * 5
    with pytest.raises(BadPayload):
        trakt.trending(SHOWS, 100)
    assert len(upstream.asked) == 4


def test_the_stated_number_of_pages_ends_the_list(trakt: TraktClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: Reply(
        [{"watchers": 5, "show": title(int(asked.query["page"]))}], headers={"X-Pagination-Page-Count": "3"}
    )
    assert len(trakt.trending(SHOWS, 100)) == 3
    assert len(upstream.asked) == 3


def test_a_page_that_is_empty_ends_the_list_whatever_the_headers_promise(
    trakt: TraktClient, upstream: Upstream
) -> None:
    upstream.answer = lambda asked: Reply(
        [{"watchers": 5, "show": title(n)} for n in range(250)] if asked.query["page"] == "1" else [],
        headers={"X-Pagination-Page-Count": "40"},
    )
    assert len(trakt.trending(SHOWS, 1000)) == 250
    assert len(upstream.asked) == 2


def test_the_trending_list_is_asked_for_anew_every_time(trakt: TraktClient, upstream: Upstream) -> None:
    for watchers in (10, 20):
        upstream.answer = always([{"watchers": watchers, "movie": title(1)}])
        assert trakt.trending(MOVIES, 10)[0].watchers == watchers


def test_a_title_listed_twice_stays_listed_twice(trakt: TraktClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: [{"watchers": 7, "movie": title(1)}, {"watchers": 7, "movie": title(1)}]
    assert [entry.title.tmdb for entry in trakt.trending(MOVIES, 10)] == [1001, 1001]
    assert set(upstream.paths) == {"/movies/trending"}


@pytest.mark.parametrize("tmdb", [None, "", 0, -5, "x", True, 2**31, [7], 1.5])
def test_a_tmdb_id_that_is_none_is_none(tmdb: Any) -> None:
    entry = {"watchers": 3, "show": {"title": "X", "ids": {"trakt": 1, "tmdb": tmdb, "imdb": "", "tvdb": None}}}
    [found] = parse_trending([entry], SHOWS)
    assert (found.title.tmdb, found.title.imdb, found.title.trakt) == (None, None, 1)


def test_ids_that_are_digits_in_a_string_are_ids() -> None:
    [entry] = parse_trending([{"watchers": "31", "show": {"ids": {"trakt": "12", "tmdb": "34"}}}], SHOWS)
    assert (entry.watchers, entry.title.trakt, entry.title.tmdb) == (31, 12, 34)


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"watchers": 5}, {"watchers": 5, "show": None}])
def test_a_malformed_entry_keeps_its_place_and_is_without_tmdb_id(odd: Any) -> None:
    entries = parse_trending([odd, {"watchers": 3, "show": title(1)}], SHOWS)
    assert [entry.title.tmdb for entry in entries] == [None, 1001]


def test_an_entry_without_watchers_is_not_taken_for_one_that_nobody_watches() -> None:
    entries = parse_trending([{"watchers": watchers, "show": title(1)} for watchers in (None, "many", -1, 0)], SHOWS)
    assert [entry.watchers for entry in entries] == [None, None, None, 0]
    assert {entry.title.tmdb for entry in entries} == {1001}


@pytest.mark.parametrize("payload", [None, {}, "x", 3, {"error": "x"}])
def test_json_that_is_no_list_is_not_trakts(payload: Any) -> None:
    for read in (
        lambda: parse_trending(payload, SHOWS),
        lambda: parse_monthly(payload, SHOWS),
        lambda: parse_related(payload),
        lambda: parse_calendar(payload),
    ):
        with pytest.raises(Misrouted, match="a list was due; look at TRAKT_BASE_URL"):
            read()


PAGE = {"Content-Type": "text/html"}


def calendar_of(trakt: TraktClient) -> list[CalendarPiece]:
    """Five days of the calendar; the error of a piece is raised."""
    pieces = list(trakt.calendar(date(2026, 1, 1), 5))
    for piece in pieces:
        if piece.error is not None:
            raise piece.error
    return pieces


@pytest.mark.parametrize(
    ("reply", "of_a_title", "of_a_list"),
    [
        (Reply("", 404), NotFound, Misrouted),
        (Reply("", 404, PAGE), NotFound, Misrouted),
        (Reply({"error": "no record"}, 404), NotFound, Misrouted),
        (Reply("404 page not found", 404), Misrouted, Misrouted),
        (Reply("<html>Not here</html>", 404, PAGE), Misrouted, Misrouted),
        (Reply("", 301, {"Location": "https://trakt.tv/"}), Misrouted, Misrouted),
        (Reply("", 403, PAGE), AccessDenied, AccessDenied),
        (Reply("Forbidden", 403, PAGE), AccessDenied, AccessDenied),
        (Reply("<!DOCTYPE html><p>Log in", 403, {"Content-Type": "text/plain"}), Misrouted, Misrouted),
        (Reply("<html>Log in</html>", 403, PAGE), Misrouted, Misrouted),
        (Reply("<html>cloudflare</html>", 403, PAGE), AccessDenied, AccessDenied),
        (Reply("<html>Bad gateway</html>", 502, PAGE), SourceUnavailable, SourceUnavailable),
        (Reply({"error": "maintenance"}), Misrouted, Misrouted),
    ],
)
def test_only_of_single_titles_and_months_trakt_may_say_that_it_knows_nothing(
    trakt: TraktClient,
    upstream: Upstream,
    reply: Reply,
    of_a_title: type[SourceError],
    of_a_list: type[SourceError],
) -> None:
    upstream.answer = lambda asked: reply
    asked: list[tuple[type[SourceError], Callable[[], object]]] = [
        (of_a_title, lambda: trakt.ratings(SHOWS, 7)),
        (of_a_title, lambda: trakt.related(MOVIES, "some/slug")),
        (of_a_title, lambda: trakt.watched_monthly(SHOWS, date(2026, 1, 1))),
        (of_a_list, lambda: trakt.trending(SHOWS, 10)),
        (of_a_list, lambda: calendar_of(trakt)),
    ]
    for kind, ask in asked:
        with pytest.raises(SourceError) as caught:
            ask()
        assert type(caught.value) is kind
        assert kind is not Misrouted or "TRAKT_BASE_URL" in str(caught.value)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_most_watched_of_a_month_are_one_page(trakt: TraktClient, upstream: Upstream, medium: Medium) -> None:
    upstream.answer = lambda asked: [
        {"watcher_count": 9000, "play_count": 1, medium.singular: title(1)},
        {"watcher_count": None, medium.singular: title(2)},
        "odd",
    ]
    entries = trakt.watched_monthly(medium, date(2026, 10, 15))
    assert [(entry.watcher_count, entry.title.trakt) for entry in entries] == [(9000, 1), (None, 2), (None, None)]
    assert upstream.paths == [f"/{medium.plural}/watched/monthly/2026-10-01"]
    assert upstream.asked[0].query["limit"] == "250"


def test_a_month_that_trakt_does_not_list_is_not_found(trakt: TraktClient) -> None:
    with pytest.raises(NotFound):
        trakt.watched_monthly(SHOWS, date(2026, 10, 1))


def test_flat_ratings_are_read() -> None:
    ratings = parse_ratings({"rating": 8.5, "votes": 55, "distribution": {"1": 3, "10": 52}})
    assert (ratings.rating, ratings.votes, ratings.distribution) == (8.5, 55, {1: 3, 10: 52})
    assert (ratings.imdb_rating, ratings.imdb_votes, ratings.metascore) == (None, None, None)


def test_nested_ratings_bring_those_of_imdb_and_metacritic_along() -> None:
    ratings = parse_ratings(
        {
            "trakt": {"rating": 8.5, "votes": 55, "distribution": {"9": 55}},
            "imdb": {"rating": 8.7, "votes": 450_000},
            "tmdb": None,
            "metascore": {"rating": 81},
        }
    )
    assert (ratings.rating, ratings.votes, ratings.distribution) == (8.5, 55, {9: 55})
    assert (ratings.imdb_rating, ratings.imdb_votes, ratings.metascore) == (8.7, 450_000, 81)


def test_nested_ratings_may_all_be_null() -> None:
    ratings = parse_ratings({"trakt": {"rating": None, "votes": None}, "imdb": None, "metascore": {"rating": None}})
    assert set(ratings.model_dump().values()) == {None}


@pytest.mark.parametrize(
    ("distribution", "read"),
    [
        ({}, {}),
        (None, None),
        ([], None),
        ("x", None),
        ({"1": "x"}, None),
        ({"0": 1, "11": 2, "5": 3, "x": 4, "6": -1}, {5: 3}),
    ],
)
def test_only_the_buckets_that_came_are_known(distribution: Any, read: Any) -> None:
    assert parse_ratings({"rating": 8, "votes": 3, "distribution": distribution}).distribution == read


def test_an_average_that_nobody_voted_for_is_unknown() -> None:
    ratings = parse_ratings({"rating": 0, "votes": 0, "distribution": {"1": 0}})
    assert (ratings.rating, ratings.votes, ratings.distribution) == (None, 0, {1: 0})


@pytest.mark.parametrize("reply", [Reply("", 404), Reply([])])
def test_a_title_without_ratings_is_not_found(trakt: TraktClient, upstream: Upstream, reply: Reply) -> None:
    upstream.answer = lambda asked: reply
    with pytest.raises(NotFound):
        trakt.ratings(SHOWS, 7)
    assert upstream.asked[0].path == "/shows/7/ratings"
    assert upstream.asked[0].query == {"extended": "all"}


@pytest.mark.parametrize("payload", [{"error": "maintenance"}, {}, None, "x", 5, [1]])
def test_json_without_any_rating_is_not_trakts(payload: Any) -> None:
    with pytest.raises(Misrouted, match="TRAKT_BASE_URL"):
        parse_ratings(payload)


def test_related_titles_are_bare_and_unusable_ones_are_left_out(trakt: TraktClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: [title(1), None, "x", title(2), {"ids": {"tmdb": None}}]
    found = trakt.related(MOVIES, "some/slug")
    assert [entry.tmdb for entry in found] == [1001, 1002, None]
    assert upstream.asked[0].path == "/movies/some%2Fslug/related"
    assert upstream.asked[0].query["limit"] == "12"


def test_related_titles_of_an_unknown_title_are_not_found_or_none(trakt: TraktClient, upstream: Upstream) -> None:
    with pytest.raises(NotFound):
        trakt.related(SHOWS, 7)
    upstream.answer = lambda asked: []
    assert trakt.related(SHOWS, 7) == []


@pytest.mark.parametrize(
    ("fields", "released"),
    [
        ({"released": "2026-05-20"}, "2026-05-20"),
        ({"released": "2026-02-30"}, None),
        ({"first_aired": "2008-01-21T02:00:00.000Z", "airs": {"timezone": "America/New_York"}}, "2008-01-20"),
        ({"first_aired": "2008-01-21T02:00:00.000Z", "airs": {"timezone": "Nowhere/At_All"}}, "2008-01-21"),
        ({"first_aired": "2008-01-21T02:00:00.000Z", "airs": None}, "2008-01-21"),
        ({"first_aired": None}, None),
    ],
)
def test_a_title_is_released_on_the_day_it_is_where_it_airs(fields: Any, released: str | None) -> None:
    assert TraktTitle.model_validate(fields).released == released


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "refuses the key"),
        (403, "wrong or revoked.*active VIP membership"),
        (412, "API version"),
        (420, "limit"),
        (423, "locked"),
        (426, "VIP"),
    ],
)
def test_a_refusal_stops_the_run_at_once_and_says_what_to_do(
    trakt: TraktClient, upstream: Upstream, status: int, says: str
) -> None:
    upstream.answer = lambda asked: Reply("", status)
    with pytest.raises(AccessDenied, match=says) as caught:
        trakt.ratings(SHOWS, 1)
    assert caught.value.stops_run
    assert "trakt-key" not in str(caught.value)
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("limit", "windows"),
    [
        ("500/300", ["500/300", "20/1"]),
        ("9000/300", ["9000/300", "30/1"]),
        ("40/1", ["40/1"]),
        ("5/2", ["5/2", "20/1"]),
    ],
)
def test_a_long_window_does_not_let_everything_go_in_one_second(limit: str, windows: list[str]) -> None:
    assert [str(window) for window in windows_of(RateLimit.parse(limit))] == windows


def test_without_a_key_or_where_tmdbs_list_is_wanted_it_is_not_asked(upstream: Upstream, tmp_path: Path) -> None:
    assert open_trakt(settings_for(upstream, tmp_path, trakt_client_id=None)) is None
    assert open_trakt(settings_for(upstream, tmp_path, trending_source="tmdb")) is None


@pytest.mark.parametrize(
    "answer",
    [[{"title": {"text": "Dark"}, "ids": "things"}], [{"watchers": "several", "show": {"ids": "things"}}], ["x", 1]],
)
def test_a_list_of_which_nothing_can_be_read_is_not_an_empty_one(
    answer: list[Any], trakt: TraktClient, upstream: Upstream
) -> None:
    upstream.answer = lambda asked: answer
    for ask in (
        lambda: trakt.related(SHOWS, 7),
        lambda: trakt.watched_monthly(SHOWS, date(2026, 1, 1)),
        lambda: calendar_of(trakt),
    ):
        with pytest.raises(BadPayload):
            ask()


def test_ratings_of_which_nothing_can_be_read_are_not_ratings_nobody_gave(
    trakt: TraktClient, upstream: Upstream
) -> None:
    upstream.answer = lambda asked: {"trakt": {"rating": "several", "votes": "several", "distribution": {"1": "few"}}}
    with pytest.raises(BadPayload):
        trakt.ratings(SHOWS, 7)
    upstream.answer = lambda asked: {"trakt": {"rating": None, "votes": None, "distribution": None}}
    assert trakt.ratings(SHOWS, 8).rating is None


def test_every_answer_is_trakts_own_and_of_now(trakt: TraktClient, upstream: Upstream) -> None:
    listed = {"watchers": 5, "watcher_count": 5, "show": title(1)}
    upstream.answer = lambda asked: Reply(
        {"rating": 8, "votes": 3} if asked.path.endswith("ratings") else [listed | title(1)],
        headers={"ETag": '"1"', "X-Pagination-Page-Count": "1"},
    )
    for bypass_cache in (False, False, True):
        trakt.ratings(SHOWS, 7, bypass_cache=bypass_cache)
        trakt.related(SHOWS, 7, bypass_cache=bypass_cache)
        trakt.trending(SHOWS, 1, bypass_cache=bypass_cache)
        trakt.watched_monthly(SHOWS, date(2026, 1, 1), bypass_cache=bypass_cache)
    conditional = ["if-none-match" in asked.headers for asked in upstream.asked]
    assert conditional == [False] * 4 + [True] * 4 + [False] * 4


def test_an_answer_that_cannot_be_read_is_asked_for_once_more(trakt: TraktClient, upstream: Upstream) -> None:
    answers = iter([{"trakt": "things"}, {"rating": 7.5, "votes": 10, "distribution": {}}])
    upstream.answer = lambda asked: next(answers)
    assert trakt.ratings(SHOWS, 7).rating == 7.5
    assert (len(upstream.asked), trakt.api.retries) == (2, 1)
    upstream.answer = lambda asked: {"trakt": "things"}
    with pytest.raises(BadPayload):
        trakt.ratings(SHOWS, 7)
    assert len(upstream.asked) == 4
