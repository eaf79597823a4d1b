"""TMDB v3: paths, keys, languages and details; what one call appends is in tmdb_parts.py."""

import re
from datetime import date, timedelta
from typing import Any

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox import dice
from ratingo_pipelines.sandbox.past import DAY
from ratingo_pipelines.sandbox.reference import GENRES
from ratingo_pipelines.sandbox.title import Title
from ratingo_pipelines.sandbox.tmdb_parts import language_of, parts_of, summary, texts_of
from ratingo_pipelines.sandbox.web import Asked, Reply, StandIn, answer
from ratingo_pipelines.sandbox.world import PlannedEpisode, World

MOST_APPENDED = 20
CHANGES_PAGE = 100
MOST_DAYS = timedelta(days=14)
TRENDING_PAGE = 20

_BY_PATH = {medium.tmdb_path: medium for medium in MEDIA}

KEY = "sandbox-tmdb-read-access-token"
TEMPLATES = (
    ("/genre/{medium}/list", re.compile(r"/genre/(tv|movie)/list")),
    ("/{medium}/changes", re.compile(r"/(tv|movie)/changes")),
    ("/trending/{medium}/{window}", re.compile(r"/trending/(tv|movie)/(day|week)")),
    ("/search/{medium}", re.compile(r"/search/(tv|movie)")),
    ("/find/{imdb_id}", re.compile(r"/(find)/([^/]+)")),
    ("/{medium}/{id}", re.compile(r"/(tv|movie)/(\d+)(?:-[^/]*)?")),
    ("/{medium}/{id}/{part}", re.compile(r"/(tv|movie)/(\d+)/(.+)")),
)


def refusal(asked: Asked, token: str) -> Reply | None:
    """Refuse what is neither the bearer token nor, as `api_key`, the key."""
    if asked.headers.get("authorization") == f"Bearer {token}" or asked.query.get("api_key") == token:
        return None
    return error(401, 7, "Invalid API key: You must be granted a valid key.")


def error(status: int, code: int, message: str) -> Reply:
    """Answer with an error as TMDB words it."""
    return answer({"success": False, "status_code": code, "status_message": message}, status)


def serve(asked: Asked, template: str, values: tuple[str, ...], world: World) -> Reply:
    """Answer a request that is entitled to one."""
    if template == "/find/{imdb_id}":
        return _found(asked, values[1], world)
    medium = _BY_PATH[values[0]]
    if template == "/genre/{medium}/list":
        place = 1 if language_of(asked) == "uk" else 0
        genres = [{"id": number, "name": names[place]} for number, names in GENRES[medium].items()]
        return answer({"genres": genres})
    if template == "/{medium}/changes":
        return _changes(asked, medium, world)
    if template == "/trending/{medium}/{window}":
        return _paged(world.trending_at_tmdb(medium), asked, world)
    if template == "/search/{medium}":
        words = asked.query.get("query", "").casefold()
        named = (title for title in world.catalogue.titles[medium] if title.known_to_tmdb)
        return _paged([title for title in named if words and words in _names(title)], asked, world)
    title = world.catalogue.by_tmdb_id.get((medium, int(values[1])))
    if title is None:
        return error(404, 34, "The resource you requested could not be found.")
    if template == "/{medium}/{id}/{part}":
        part = parts_of(title.medium).get(values[2])
        if part is None:
            return error(404, 34, "The resource you requested could not be found.")
        return answer({"id": title.tmdb_id} | part(title, asked, world))
    appended = [part for part in asked.query.get("append_to_response", "").split(",") if part]
    if len(appended) > MOST_APPENDED:
        return error(400, 27, "Too many append to response objects: The maximum number of remote calls is 20.")
    payload = _tv(title, asked, world) if medium is SHOWS else _movie(title, asked, world)
    parts = parts_of(medium)
    return answer(payload | {name: parts[name](title, asked, world) for name in appended if name in parts})


def _found(asked: Asked, imdb_id: str, world: World) -> Reply:
    """The titles with an IMDb id: https://developer.themoviedb.org/reference/find-by-id."""
    if asked.query.get("external_source") != "imdb_id":
        return error(422, 5, "Invalid parameters: Your request parameters are incorrect.")
    results: dict[str, list[dict[str, Any]]] = {
        f"{kind}_results": [] for kind in ("movie", "person", "tv", "tv_episode", "tv_season")
    }
    for (medium, _), title in world.catalogue.by_tmdb_id.items():
        if title.tmdb_imdb == imdb_id:
            results[f"{medium.tmdb_path}_results"].append(summary(title, asked, world))
    return answer(results)


def _names(title: Title) -> str:
    return f"{title.name}\n{title.name_uk or ''}".casefold()


def _paged(listed: list[Title], asked: Asked, world: World) -> Reply:
    """A page of titles: https://developer.themoviedb.org/reference/trending-tv, .../search-tv."""
    page, pages = max(1, asked.number("page", 1)), -(-len(listed) // TRENDING_PAGE)
    results = [summary(title, asked, world) for title in listed[(page - 1) * TRENDING_PAGE : page * TRENDING_PAGE]]
    return answer({"page": page, "results": results, "total_pages": pages, "total_results": len(listed)})


def _changes(asked: Asked, medium: Medium, world: World) -> Reply:
    """The titles changed from a day up to another: https://developer.themoviedb.org/reference/changes-tv-list."""
    today = world.past.today
    start = date.fromisoformat(asked.query.get("start_date") or str(today - DAY))
    end = date.fromisoformat(asked.query.get("end_date") or str(today + DAY))
    if not timedelta() <= end - start <= MOST_DAYS:
        return error(422, 20, "Invalid date range: Should be a range no longer than 14 days.")
    changed = world.changed(medium, start, end)
    page, pages = max(1, asked.number("page", 1)), -(-len(changed) // CHANGES_PAGE)
    shown = changed[(page - 1) * CHANGES_PAGE : page * CHANGES_PAGE]
    results = [
        # New and deleted titles have no flags yet.
        {"id": title.tmdb_id} | dict.fromkeys(("adult", "softcore"), None if title.index % 29 == 0 else False)
        for title in shown
    ]
    return answer({"results": results, "page": page, "total_pages": pages, "total_results": len(changed)})


def _common(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    language = language_of(asked)
    name, overview, tagline = texts_of(title, language)
    votes = world.votes(title)
    names = GENRES[title.medium]
    return {
        "adult": None if not title.numbers else False,
        "softcore": False,
        "backdrop_path": title.backdrop_path,
        "genres": [{"id": genre, "name": names[genre][language == "uk"]} for genre in title.genre_ids],
        "homepage": "",
        "id": title.tmdb_id,
        title.medium.tmdb_name: name,
        f"original_{title.medium.tmdb_name}": title.original_name,
        "origin_country": ["UA" if title.original_language == "uk" else "US"],
        "original_language": title.original_language,
        "overview": overview,
        "popularity": votes.popularity,
        "poster_path": title.poster_path,
        "production_companies": [
            {"id": 9_000 + title.index % 40, "logo_path": None, "name": "Обрій Медіа", "origin_country": "UA"}
        ],
        "production_countries": [{"iso_3166_1": "UA", "name": "Ukraine"}],
        title.medium.tmdb_released: str(title.released) if title.released else "",
        "spoken_languages": [{"english_name": "Ukrainian", "iso_639_1": "uk", "name": "Український"}],
        "status": title.status,
        "tagline": tagline,
        "vote_average": votes.tmdb,
        "vote_count": votes.tmdb_votes,
    }


def _movie(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    collection = {
        "id": 5_000 + title.index,
        "name": f"{title.name} Collection",
        "poster_path": None,
        "backdrop_path": None,
    }
    return _common(title, asked, world) | {
        "belongs_to_collection": collection if title.index % 9 == 0 else None,
        "budget": 1_000_000 * (title.index % 150),
        "revenue": 2_700_000 * (title.index % 150),
        "imdb_id": title.tmdb_imdb,
        "runtime": title.runtime,
        "video": False,
    }


def _tv(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    last, following = world.last_and_next(title)
    regular = [season for season in title.seasons if season.number]
    counts = (len(regular), sum(season.episodes for season in regular)) if title.numbers else (None, None)
    name = title.cast[0].name
    return _common(title, asked, world) | {
        "created_by": [
            {
                "id": 70_000 + title.index,
                "credit_id": dice.word(24, title.trakt_id, "creator"),
                "name": name,
                "original_name": name,
                "gender": 1,
                "profile_path": None,
            }
        ],
        "episode_run_time": [],
        "in_production": title.running,
        "languages": [title.original_language],
        "last_air_date": str(last.airs) if last else None,
        "last_episode_to_air": _episode(title, last),
        "next_episode_to_air": _episode(title, following),
        "networks": [{"id": 49, "logo_path": "/network.png", "name": title.network, "origin_country": "US"}],
        "number_of_seasons": counts[0],
        "number_of_episodes": counts[1],
        "seasons": [
            {
                "air_date": str(title.released) if title.released else None,
                "episode_count": season.episodes,
                "id": title.tmdb_id * 100 + season.number,
                "name": f"Season {season.number}" if season.number else "Specials",
                "overview": "",
                "poster_path": title.poster_path,
                "season_number": season.number,
                "vote_average": 0.0,
            }
            for season in title.seasons
        ],
        "type": "Scripted",
    }


def _episode(title: Title, episode: PlannedEpisode | None) -> dict[str, Any] | None:
    if episode is None:
        return None
    return {
        "id": title.tmdb_id * 1_000 + episode.season * 50 + episode.number,
        "name": f"Episode {episode.number}",
        "overview": "",
        "vote_average": 0.0,
        "vote_count": 0,
        "air_date": str(episode.airs),
        "episode_number": episode.number,
        "episode_type": "finale" if episode.last_of_season else "standard",
        "production_code": "",
        "runtime": title.runtime,
        "season_number": episode.season,
        "show_id": title.tmdb_id,
        "still_path": None,
    }


API = StandIn(
    "tmdb",
    "/tmdb/3",
    KEY,
    {"TMDB_ACCESS_TOKEN": KEY, "TMDB_RATE_LIMIT": "100000/1"},
    TEMPLATES,
    refusal,
    serve,
    has_etags=True,
)
