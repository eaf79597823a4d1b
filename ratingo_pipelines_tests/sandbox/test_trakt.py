"""Trakt's stand-in over HTTP: what it insists on, how it pages, and what it says."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.catalogue import ODDITIES
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sandbox.asking import trakt


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"trakt-api-key": None}, 403),
        ({"trakt-api-key": "revoked"}, 403),
        ({"trakt-api-version": None}, 412),
        ({"trakt-api-version": "1"}, 412),
        ({"Content-Type": "text/plain"}, 412),
        ({"User-Agent": ""}, 403),
    ],
)
def test_it_refuses_what_trakt_refuses(sandbox: RunningSandbox, headers: Mapping[str, str | None], status: int) -> None:
    assert trakt(sandbox, "/shows/trending", headers).status_code == status


def test_without_a_user_agent_cloudflare_answers_in_html(sandbox: RunningSandbox) -> None:
    answer = trakt(sandbox, "/shows/trending", {"User-Agent": ""})
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Cloudflare" in answer.text


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_trending_has_a_hundred_entries_unless_told_otherwise_and_at_most_250(
    sandbox: RunningSandbox, medium: Medium
) -> None:
    path = f"/{medium}/trending"
    assert len(trakt(sandbox, path).json()) == 100
    assert len(trakt(sandbox, path, limit=7).json()) == 7
    clamped = trakt(sandbox, path, limit=1_000)
    assert len(clamped.json()) == 250
    assert clamped.headers["X-Pagination-Limit"] == "250"


def test_pages_tell_where_they_are_and_join_up(sandbox: RunningSandbox) -> None:
    whole = trakt(sandbox, "/shows/trending", limit=250).json()
    pages = [trakt(sandbox, "/shows/trending", limit=40, page=page) for page in (1, 2, 3)]
    assert [entry for page in pages for entry in page.json()] == whole[:120]
    headers = pages[1].headers
    count = int(headers["X-Pagination-Item-Count"])
    assert count > 250
    assert (headers["X-Pagination-Page"], headers["X-Pagination-Limit"]) == ("2", "40")
    assert int(headers["X-Pagination-Page-Count"]) == -(-count // 40)
    beyond = trakt(sandbox, "/shows/trending", limit=40, page=99)
    assert (beyond.status_code, beyond.json()) == (200, [])


def test_more_is_told_only_when_all_is_asked(sandbox: RunningSandbox) -> None:
    short = trakt(sandbox, "/shows/trending", limit=1).json()[0]["show"]
    full = trakt(sandbox, "/shows/trending", limit=1, extended="full").json()[0]["show"]
    assert "rating" not in short
    assert full.keys() > short.keys()
    assert {
        "rating",
        "votes",
        "genres",
        "status",
        "network",
        "airs",
        "overview",
        "runtime",
        "first_aired",
    } <= full.keys()
    movie = trakt(sandbox, "/movies/trending", limit=1, extended="full").json()[0]["movie"]
    assert "released" in movie
    assert "airs" not in movie


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_title_answers_to_its_id_and_to_its_slug(sandbox: RunningSandbox, medium: Medium) -> None:
    title = trakt(sandbox, f"/{medium}/trending", limit=1).json()[0][medium.singular]
    by_id, by_slug = (trakt(sandbox, f"/{medium}/{title['ids'][name]}").json() for name in ("trakt", "slug"))
    assert by_id == by_slug == title


def test_ratings_are_flat_or_nested(sandbox: RunningSandbox) -> None:
    flat = trakt(sandbox, "/shows/1001/ratings").json()
    nested = trakt(sandbox, "/shows/1001/ratings", extended="all").json()
    assert flat.keys() == {"rating", "votes", "distribution"}
    assert nested["trakt"] == flat
    assert nested.keys() == {"trakt", "tmdb", "imdb", "metascore", "rotten_tomatoes"}
    listed = trakt(sandbox, "/shows/trending", limit=1, extended="full").json()[0]["show"]
    assert (listed["rating"], listed["votes"]) == (flat["rating"], flat["votes"])


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_some_ratings_are_missing_and_some_distributions_have_holes(sandbox: RunningSandbox, medium: Medium) -> None:
    (missing,) = ODDITIES["ratings_missing_at_trakt"][medium.plural]
    (holed,) = ODDITIES["missing_buckets"][medium.plural]
    (nulls,) = ODDITIES["null_numbers"][medium.plural]
    assert trakt(sandbox, f"/{medium}/{missing}/ratings").status_code == 404
    assert len(trakt(sandbox, f"/{medium}/{holed}/ratings").json()["distribution"]) == 8
    assert trakt(sandbox, f"/{medium}/{nulls}/ratings").json()["rating"] is None


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_related_titles_are_bare_and_as_many_as_asked(sandbox: RunningSandbox, medium: Medium) -> None:
    path = f"/{medium}/1001/related"
    assert len(trakt(sandbox, path).json()) == 10
    related = trakt(sandbox, path, limit=12).json()
    assert len(related) == 12
    assert all({"title", "year", "ids"} <= title.keys() for title in some(related))
    for trakt_id in ODDITIES["no_related"][medium.plural]:
        assert trakt(sandbox, f"/{medium}/{trakt_id}/related", limit=12).json() == []
    (odd,) = ODDITIES["related_oddly"][medium.plural]
    ids = [title["ids"]["tmdb"] for title in trakt(sandbox, f"/{medium}/{odd}/related", limit=12).json()]
    assert None in ids
    assert "" in ids
    assert len(set(ids)) < len(ids)


@pytest.mark.parametrize("path", ["/shows/999999", "/shows/no-such-slug/related", "/movies/0/ratings", "/people/1"])
def test_what_is_unknown_is_404(sandbox: RunningSandbox, path: str) -> None:
    assert trakt(sandbox, path).status_code == 404


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_monthly_lists_exist_for_months_that_are_over(sandbox: RunningSandbox, medium: Medium) -> None:
    this_month = datetime.now(UTC).date().replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    path = f"/{medium}/watched/monthly/"
    entries = trakt(sandbox, path + str(last_month), limit=250).json()
    assert len(entries) == 250
    assert {"watcher_count", "play_count", "collected_count", medium.singular} <= entries[0].keys()
    for day in (str(this_month), "2199-01-01", "2026-02-31", "nonsense"):
        assert trakt(sandbox, path + day).status_code == 404
    assert trakt(sandbox, f"/{medium}/watched/monthly").status_code == 404


def test_the_calendar_is_silently_cut_at_33_days(sandbox: RunningSandbox) -> None:
    today = datetime.now(UTC).date()
    month, year = (trakt(sandbox, f"/calendars/all/shows/{today}/{days}").json() for days in (33, 365))
    assert month == year
    days = [datetime.fromisoformat(entry["first_aired"]).date() for entry in month]
    assert days[0] >= today
    assert days[-1] < today + timedelta(days=33)
    assert days[-1] >= today + timedelta(days=30)
    assert {"season", "number", "title", "episode_type", "ids"} <= month[0]["episode"].keys()
    week = trakt(sandbox, f"/calendars/all/shows/{today}/7").json()
    assert 50 < len(week) < len(month)


def test_shows_and_movies_have_ids_of_their_own(sandbox: RunningSandbox) -> None:
    show, movie = (trakt(sandbox, f"/{medium}/1001").json()["ids"] for medium in (SHOWS, MOVIES))
    assert show["trakt"] == movie["trakt"]
    assert show["imdb"] != movie["imdb"]
    assert "tvdb" in show
    assert "tvdb" not in movie
