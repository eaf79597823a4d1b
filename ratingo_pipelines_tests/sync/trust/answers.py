"""Whole answers about a show and a movie, and what is stored of them: every part has entries."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

from ratingo_pipelines.media import MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.edits import edit
from ratingo_pipelines.sandbox.faults import parse as parse_faults
from ratingo_pipelines.sandbox.lies import PARTS
from ratingo_pipelines.sources.tmdb import TmdbTitle
from ratingo_pipelines.sources.tmdb.title import parse_details
from ratingo_pipelines.sources.trakt import TraktRatings, parse_ratings
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.merge import Known, Merged, RelatedTitles, Told, merge
from ratingo_pipelines.sync.trust.entries import AskedFor
from ratingo_pipelines.sync.work import TitleWork

TODAY = date(2026, 11, 26)
WORK = TitleWork(1, "Still Water", trakt_title="Still Water", stored=True)
RELATED = RelatedTitles("trakt", [7, 8], [70, 80], told=2)
_CAST = [{"id": 5, "name": "Ann", "character": "Eve", "roles": [{"character": "Eve"}], "profile_path": "/a.jpg"}]
_OFFER = {"provider_id": 8, "provider_name": "Netflix", "display_priority": 1}
_PROVIDERS = {region: {"link": f"https://x/{region}", "flatrate": [_OFFER]} for region in ("UA", "US")}
_VIDEO = {"key": "abc", "site": "YouTube", "type": "Trailer", "name": "Trailer", "iso_639_1": "en"}
_TRANSLATIONS = [
    {"iso_639_1": "uk", "iso_3166_1": "UA", "data": {"overview": "Опис", "tagline": "Гасло"}},
    {"iso_639_1": "en", "iso_3166_1": "US", "data": {"overview": "Overview", "tagline": "Tagline"}},
]
_NAMES = {"uk": "Тиха вода", "en": "Still Water"}
_EPISODE = {"season_number": 2, "episode_number": 3, "air_date": "2026-11-20"}


def payload(medium: Medium) -> dict[str, Any]:
    """TMDB's answer about the title with the id 1."""
    translations = deepcopy(_TRANSLATIONS)
    for entry in translations:
        entry["data"][medium.tmdb_name] = _NAMES[entry["iso_639_1"]]  # type: ignore[index]
    common = {
        "id": 1,
        medium.tmdb_name: "Still Water",
        f"original_{medium.tmdb_name}": "Spokojna woda",
        "original_language": "pl",
        "overview": "Overview",
        "tagline": "Tagline",
        "status": "Released",
        medium.tmdb_released: "2026-01-02",
        "poster_path": "/poster.jpg",
        "backdrop_path": "/backdrop.jpg",
        "genres": [{"id": 18, "name": "Drama"}],
        "vote_average": 7.5,
        "vote_count": 10,
        "popularity": 3.5,
        "external_ids": {"imdb_id": "tt0000001"},
        "translations": {"translations": translations},
        "watch/providers": {"results": deepcopy(_PROVIDERS)},
        "videos": {"results": [dict(_VIDEO)]},
        "images": {"posters": [{"file_path": "/uk.jpg", "iso_639_1": "uk"}], "backdrops": [], "logos": []},
        "recommendations": {"results": []},
    }
    return common | deepcopy(_OF_SHOWS if medium is SHOWS else _OF_MOVIES)


_OF_SHOWS: dict[str, Any] = {
    "number_of_seasons": 2,
    "number_of_episodes": 16,
    "seasons": [{"season_number": 2, "episode_count": 8}],
    "last_episode_to_air": _EPISODE,
    "next_episode_to_air": _EPISODE | {"episode_number": 4, "air_date": "2026-11-27"},
    "content_ratings": {"results": [{"iso_3166_1": "UA", "rating": "16+"}, {"iso_3166_1": "US", "rating": "TV-MA"}]},
    "aggregate_credits": {"cast": _CAST},
}
_OF_MOVIES: dict[str, Any] = {
    "runtime": 99,
    "release_dates": {
        "results": [
            {"iso_3166_1": region, "release_dates": [{"certification": rating}]}
            for region, rating in (("UA", "16+"), ("US", "R"))
        ]
    },
    "credits": {"cast": _CAST},
}


def ratings_payload() -> dict[str, Any]:
    """Trakt's answer about its ratings."""
    return {"trakt": {"rating": 8.0, "votes": 30, "distribution": {"8": 30}}, "imdb": {"rating": 7.0, "votes": 5}}


def changed(answer: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The answer with other values at its first level; None as the key's value is null, not absence."""
    return answer | values


def lied(lie: str, medium: Medium) -> tuple[TmdbTitle, TraktRatings]:
    """Both answers as a lie of the sandbox leaves them."""
    answers = {"tmdb": payload(medium), "trakt": ratings_payload()}
    for fault in parse_faults([{"kind": "lie", "name": lie}], 0.0):
        wanted = (None, "/{medium}/{id}", "/{medium}/{id}/ratings", f"/{medium.tmdb_path}/[0-9]*")
        if fault.kind == "edit" and fault.endpoint in wanted and fault.api is not None:
            edit(answers[fault.api], fault.options["set"], fault.options["drop"])
    return details(answers["tmdb"], medium), parse_ratings(answers["trakt"])


def details(answer: Mapping[str, Any], medium: Medium = SHOWS) -> TmdbTitle:
    """The answer as it is read."""
    return parse_details(answer, medium, asked(medium).regions, ("uk", "en"))


def asked(medium: Medium, **settings: Any) -> AskedFor:
    """What the default settings ask for, or others."""
    return AskedFor(**{"medium": medium, "regions": ("UA", "US"), "locales": ("uk-UA", "en-US"), **settings})


def told(found: TmdbTitle | None, ratings: TraktRatings | None = None, **others: Any) -> Told:
    """What the sources said."""
    return Told(**{"details": found, "genre_ids": {18: 180, 16: 160}, "ratings": ratings, **others})


def stored(medium: Medium, **columns: Any) -> Known:
    """What is stored once the whole answers were; `columns` of the title's own row are otherwise."""
    answers = told(details(payload(medium), medium), parse_ratings(ratings_payload()), related=RELATED)
    merged = merge(asked(medium), WORK, answers, Known(), TODAY, rated=True)
    row = {column.name: None for column in tables_of(medium).titles.columns} | {"id": 1} | merged.columns
    return Known(row | columns, merged.children, has_children=True)  # type: ignore[arg-type]


def merged(medium: Medium, answers: Told, known: Known, **options: Any) -> Merged:
    """What is written after these answers."""
    chosen = {"asked": asked(medium), "work": WORK, "today": TODAY, "rated": True, **options}
    return merge(told=answers, known=known, **chosen)


def lost(known: Known, after: Merged) -> set[str]:
    """The columns and child tables of which something known is gone, or other than it was."""
    row = known.row or {}
    columns = {name for name, value in after.columns.items() if row.get(name) not in (None, value)}
    tables = set()
    for name, rows in after.children.items():
        replaced = [dict(one) for one in after.known.get(name, ())]
        tables |= {name} if [one for one in replaced if one not in rows] else set()
    return columns | tables


__all__ = ["MOVIES", "PARTS", "SHOWS"]
