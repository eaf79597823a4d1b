"""Trakt: paths, headers it insists on, pages, and payloads."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from ratingo_pipelines.media import BY_NAME, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox import dice
from ratingo_pipelines.sandbox.reference import GENRES
from ratingo_pipelines.sandbox.title import Title
from ratingo_pipelines.sandbox.web import Asked, Reply, StandIn, answer
from ratingo_pipelines.sandbox.words import EPISODES
from ratingo_pipelines.sandbox.world import World

CALENDAR_DAYS = 33
LARGEST_PAGE = 250

KEY = "sandbox-trakt-client-id"
TEMPLATES = (
    ("/{medium}/trending", re.compile(r"/(shows|movies)/trending")),
    ("/{medium}/watched/monthly/{date}", re.compile(r"/(shows|movies)/watched/monthly(?:/(\d{4}-\d\d-\d\d))?")),
    ("/{medium}/{id}/ratings", re.compile(r"/(shows|movies)/([^/]+)/ratings")),
    ("/{medium}/{id}/related", re.compile(r"/(shows|movies)/([^/]+)/related")),
    ("/calendars/all/shows/{start}/{days}", re.compile(r"/calendars/all/(shows)/(\d{4}-\d\d-\d\d)/(\d+)")),
    ("/{medium}/{id}", re.compile(r"/(shows|movies)/([^/]+)")),
)


def refusal(asked: Asked, key: str) -> Reply | None:
    """Refuse what the real Trakt refuses: no user agent, no or another key, another version."""
    if not asked.headers.get("user-agent"):
        return cloudflare(403)
    if asked.headers.get("trakt-api-key") != key:
        return Reply(403, b"", {}, "text/html")
    if asked.headers.get("trakt-api-version") != "2":
        return Reply(412, b"", {}, "text/html")
    if "json" not in asked.headers.get("content-type", "json"):
        return Reply(412, b"", {}, "text/html")
    return None


def cloudflare(status: int) -> Reply:
    """What Cloudflare says in Trakt's place: HTML."""
    title = "Access denied | api.trakt.tv used Cloudflare to restrict access" if status == 403 else "Error 1015"
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>Error</h1></body></html>"
    headers = {"Retry-After": "300"} if status == 429 else {}
    return Reply(status, page.encode(), {"Server": "cloudflare", **headers}, "text/html; charset=UTF-8")


def serve(asked: Asked, template: str, values: tuple[str, ...], world: World) -> Reply:
    """Answer a request that is entitled to one."""
    return _ROUTES[template](asked, BY_NAME[values[0]], values[1:], world)


def _trending(asked: Asked, medium: Medium, _: tuple[str, ...], world: World) -> Reply:
    entries = [
        {"watchers": watchers, medium.singular: _summary(title, asked, world)}
        for watchers, title in _page(asked, world.trending(medium))
    ]
    return answer(entries, headers=_pagination(asked, len(world.trending(medium))))


def _monthly(asked: Asked, medium: Medium, values: tuple[str, ...], world: World) -> Reply:
    month = _day(values[0]) if values[0] else None
    listed = world.monthly(medium, month.replace(day=1)) if month else None
    if listed is None:
        return _unknown()
    entries = [
        {
            "watcher_count": watchers,
            "play_count": watchers * 4,
            "collected_count": watchers // 3,
            "collector_count": watchers // 5,
            medium.singular: _summary(title, asked, world),
        }
        for watchers, title in _page(asked, listed)
    ]
    return answer(entries, headers=_pagination(asked, len(listed)))


def _ratings(asked: Asked, medium: Medium, values: tuple[str, ...], world: World) -> Reply:
    title = _find(world, medium, values[0])
    if title is None or not title.rated_at_trakt:
        return _unknown()
    votes = world.votes(title)
    own = {
        "rating": votes.trakt,
        "votes": votes.trakt_votes,
        "distribution": {str(bucket): count for bucket, count in votes.buckets.items()} or None,
    }
    if asked.query.get("extended") != "all":
        return answer(own)
    knows = title.imdb_id is not None and title.imdb_at_trakt
    score = title.metascore if title.metascore_at_trakt else None
    return answer(
        {
            "trakt": own,
            "tmdb": {
                "rating": votes.tmdb,
                "votes": votes.tmdb_votes,
                "link": f"https://www.themoviedb.org/{title.tmdb_id}",
            },
            "imdb": {
                "rating": votes.imdb if knows else None,
                "votes": votes.imdb_votes if knows else None,
                "link": f"https://www.imdb.com/title/{title.imdb_id or ''}",
            },
            "metascore": {"rating": score, "link": f"https://www.metacritic.com/{title.slug}"},
            "rotten_tomatoes": dict.fromkeys(("rating", "state", "user_rating", "user_state", "link")),
        }
    )


def _related(asked: Asked, medium: Medium, values: tuple[str, ...], world: World) -> Reply:
    title = _find(world, medium, values[0])
    if title is None:
        return _unknown()
    related = world.related(title)
    shown = _page(asked, related, default=10)
    return answer([_summary(one, asked, world) for one in shown], headers=_pagination(asked, len(related), default=10))


def _one(asked: Asked, medium: Medium, values: tuple[str, ...], world: World) -> Reply:
    title = _find(world, medium, values[0])
    return _unknown() if title is None else answer(_summary(title, asked, world))


def _calendar(asked: Asked, _: Medium, values: tuple[str, ...], world: World) -> Reply:
    start = _day(values[0])
    if start is None:
        return _unknown()
    entries = []
    for episode, title in world.calendar(start, min(int(values[1]), CALENDAR_DAYS)):
        kind = {1: "season_premiere"}.get(episode.number, "season_finale" if episode.last_of_season else "standard")
        number = title.trakt_id * 1_000 + episode.season * 50 + episode.number
        entries.append(
            {
                "first_aired": f"{episode.airs}T{dice.between(0, 23, title.trakt_id, 'hour'):02}:00:00.000Z",
                "episode": {
                    "season": episode.season,
                    "number": episode.number,
                    "title": dice.pick(EPISODES, title.trakt_id, episode.number),
                    "ids": {"trakt": number, "tvdb": number + 7, "imdb": None, "tmdb": number + 9, "tvrage": None},
                    "episode_type": kind,
                },
                "show": _summary(title, asked, world),
            }
        )
    return answer(entries)


_ROUTES: dict[str, Callable[[Asked, Medium, tuple[str, ...], World], Reply]] = {
    "/{medium}/trending": _trending,
    "/{medium}/watched/monthly/{date}": _monthly,
    "/{medium}/{id}/ratings": _ratings,
    "/{medium}/{id}/related": _related,
    "/calendars/all/shows/{start}/{days}": _calendar,
    "/{medium}/{id}": _one,
}


def _summary(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    ids = {
        "trakt": title.trakt_id,
        "slug": title.slug,
        "tvdb": title.tvdb_id,
        "imdb": title.trakt_imdb,
        "tmdb": title.trakt_tmdb,
        "tvrage": None,
        "plex": {"guid": dice.word(24, title.trakt_id, title.medium.plural, "plex"), "slug": title.slug},
    }
    if title.medium is MOVIES:
        del ids["tvdb"], ids["tvrage"]
    short: dict[str, Any] = {"title": title.trakt_name, "year": title.year, "ids": ids}
    if title.medium is SHOWS:
        short["aired_episodes"] = sum(season.episodes for season in title.seasons if season.number)
    return short | _full(title, world) if asked.query.get("extended") == "full" else short


def _full(title: Title, world: World) -> dict[str, Any]:
    votes = world.votes(title)
    kind, number = title.medium.plural, f"{title.trakt_id:09}"
    folder = f"media.trakt.tv/images/{kind}/{number[:3]}/{number[3:6]}/{number[6:]}"
    slugs = [GENRES[title.medium][genre][0].lower().replace(" & ", "-").replace(" ", "-") for genre in title.genre_ids]
    full = {
        "tagline": title.tagline,
        "overview": title.overview or None,
        "runtime": title.runtime or None,
        "country": "us",
        "trailer": f"https://youtube.com/watch?v={title.videos[0].key}" if title.videos else None,
        "homepage": None,
        "status": title.status.lower(),
        "rating": votes.trakt,
        "votes": votes.trakt_votes,
        "comment_count": title.index % 90,
        "updated_at": f"{world.today}T04:05:06.000Z",
        "language": title.original_language,
        "languages": [title.original_language],
        "available_translations": ["en", *(["uk"] if title.name_uk is not None else [])],
        "genres": slugs,
        "subgenres": [],
        "certification": dict(title.certifications).get("US", (None,))[-1],
        "original_title": title.original_name,
        "images": {
            name: [f"{folder}/{name}s/medium/{dice.word(10, kind, number, name)}.webp"]
            for name in ("fanart", "poster", "logo", "clearart", "banner", "thumb")
        },
        "colors": {"poster": ["#CFC7BA", "#3A281D"]},
        "social_ids": dict.fromkeys(("twitter", "facebook", "instagram", "wikipedia")),
    }
    released = str(title.released) if title.released else None
    if title.medium is MOVIES:
        return full | {"released": released, "after_credits": False, "during_credits": False}
    return full | {
        "first_aired": f"{released}T01:00:00.000Z" if released else None,
        "airs": {"day": "Sunday", "time": "21:00", "timezone": "America/New_York"},
        "network": title.network,
        "total_runtime": title.runtime * sum(season.episodes for season in title.seasons),
    }


def _find(world: World, medium: Medium, name: str) -> Title | None:
    """Find a title by Trakt's id or slug, or by its IMDb id, which Trakt takes in their place."""
    titles = world.catalogue.titles[medium]
    if name.isdecimal():
        place = int(name) - titles[0].trakt_id
        return titles[place] if 0 <= place < len(titles) else None
    return next((title for title in titles if name in (title.slug, title.imdb_id)), None)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _limits(asked: Asked, default: int) -> tuple[int, int]:
    return max(1, asked.number("page", 1)), min(max(1, asked.number("limit", default)), LARGEST_PAGE)


def _page(asked: Asked, entries: list[Any], default: int = 100) -> list[Any]:
    page, limit = _limits(asked, default)
    return entries[(page - 1) * limit : page * limit]


def _pagination(asked: Asked, count: int, default: int = 100) -> dict[str, str]:
    page, limit = _limits(asked, default)
    return {
        "X-Pagination-Page": str(page),
        "X-Pagination-Limit": str(limit),
        "X-Pagination-Page-Count": str(-(-count // limit)),
        "X-Pagination-Item-Count": str(count),
    }


def _unknown() -> Reply:
    return Reply(404, b"", {}, "text/html")


API = StandIn(
    "trakt",
    "/trakt",
    KEY,
    {"TRAKT_CLIENT_ID": KEY, "TRAKT_RATE_LIMIT": "100000/1"},
    TEMPLATES,
    refusal,
    serve,
)
