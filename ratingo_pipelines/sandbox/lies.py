"""Lies: the same wrong answer for everybody, by name. Each answer looks right alone.

A lie is a fault of the kind `lie`; `faults.parse` puts those that stand here in its place, narrowed down as the lie
itself is: `{"kind": "lie", "name": "no_cast", "ids": [210011]}`. `GET /control/lies` lists them.
"""

from collections.abc import Mapping
from typing import Any

Faults = tuple[dict[str, Any], ...]

DETAILS = "/{medium}/{id}"
SHOW, MOVIE = "/tv/[0-9]*", "/movie/[0-9]*"
TRENDING = "/{medium}/trending"
MONTHLY = "/{medium}/watched/monthly/{date}"
RATINGS = "/{medium}/{id}/ratings"
RELATED = "/{medium}/{id}/related"
CALENDAR = "/calendars/all/shows/{start}/{days}"

_DATA = "translations.translations.*.data"


def _set(values: Mapping[str, Any], endpoint: str = DETAILS) -> Faults:
    return ({"kind": "edit", "api": "tmdb", "endpoint": endpoint, "set": dict(values)},)


def _drop(*paths: str) -> Faults:
    return ({"kind": "edit", "api": "tmdb", "endpoint": DETAILS, "drop": list(paths)},)


def _ratings(values: Mapping[str, Any]) -> Faults:
    return ({"kind": "edit", "api": "trakt", "endpoint": RATINGS, "set": dict(values)},)


def _list(endpoint: str, **options: Any) -> Faults:
    return ({"kind": "list", "api": "trakt", "endpoint": endpoint, **options},)


def _answer(api: str | None = None, **options: Any) -> Faults:
    return ({"kind": "answer", **({"api": api} if api else {}), **options},)


def _omdb_error(words: str) -> Faults:
    return _answer("omdb", body={"Response": "False", "Error": words})


PARTS: dict[str, Faults] = {
    "no_cast": _set({"aggregate_credits.cast": [], "credits.cast": []}),
    "no_providers": _set({"watch/providers.results": {}}),
    "no_providers_in_ukraine": _drop("watch/providers.results.UA"),
    "no_videos": _set({"videos.results": []}),
    "no_genres": _set({"genres": []}),
    "no_certifications": _set({"content_ratings.results": [], "release_dates.results": []}),
    "no_certifications_in_ukraine": _drop(
        "content_ratings.results.iso_3166_1=UA", "release_dates.results.iso_3166_1=UA"
    ),
    "no_translations": _set({"translations.translations": []}),
    "no_ukrainian": _drop("translations.translations.iso_639_1=uk"),
    "no_texts": _set({"overview": "", "tagline": "", f"{_DATA}.overview": "", f"{_DATA}.tagline": ""})
    + _set({f"{_DATA}.name": ""}, SHOW)
    + _set({f"{_DATA}.title": ""}, MOVIE),
    "no_images": _set(
        {"poster_path": None, "backdrop_path": None}
        | {f"images.{kind}": [] for kind in ("posters", "backdrops", "logos")}
    ),
    "no_recommendations": _set({"recommendations.results": []}),
    "no_next_episode": _set({"next_episode_to_air": None}, SHOW),
    "no_seasons": _set({"seasons": [], "number_of_seasons": 0, "number_of_episodes": 0}, SHOW),
    "no_dates": _set({"first_air_date": ""}, SHOW) + _set({"release_date": ""}, MOVIE),
    "no_votes": _set({"vote_average": 0.0, "vote_count": 0}),
    "no_imdb_ids": _set({"external_ids.imdb_id": None}) + _set({"imdb_id": None}, MOVIE),
    "no_distribution": _ratings({"trakt.distribution": {}}),
    "no_votes_at_trakt": _ratings(
        {"trakt.rating": 0.0, "trakt.votes": 0, "trakt.distribution": {str(bucket): 0 for bucket in range(1, 11)}}
    ),
    "no_imdb_votes_at_trakt": _ratings({"imdb.rating": None, "imdb.votes": None, "metascore.rating": None}),
    "no_ratings": _answer("trakt", endpoint=RATINGS, status=404, body="", content_type="text/html"),
    "no_related": _list(RELATED, empty=True),
}
"""Parts of a title's answers that come empty, one each; what another part repeats is left as it is."""

WHOLE: dict[str, Faults] = {
    "foreign_404": _answer(status=404, body={"message": "no Route matched with those values"}),
    "html_404": _answer(status=404, body="<html><body>Not Found</body></html>", content_type="text/html"),
    "error_with_200": _answer(body={"error": "upstream unavailable"}),
    "empty_object": _answer(),
    "empty_body": _answer(body=""),
    "bad_request": _answer(
        status=400, body={"success": False, "status_code": 5, "status_message": "Invalid parameters."}
    ),
    "redirect": _answer(status=302, body="", content_type="text/html", headers={"Location": "/login"}),
    "unknown_to_tmdb": ({"kind": "fail", "api": "tmdb", "endpoint": DETAILS, "status": 404},),
}
"""Whole answers of whatever API that are none of its own, and TMDB's own word that it knows nobody."""

LISTS: dict[str, Faults] = {
    "short_list": _list(TRENDING, keep=3),
    "empty_list": _list(TRENDING, empty=True),
    "list_half_of_nulls": _list(TRENDING, nulls=0.5),
    "list_of_nulls": _list(TRENDING, nulls=1.0),
    "list_without_ids": _list(TRENDING, without_ids=0.99),
    "list_of_one": _list(TRENDING, repeat=True),
    "list_unwatched": _list(TRENDING, zero_watchers=True),
    "months_of_nulls": _list(MONTHLY, nulls=1.0),
    "months_empty": _list(MONTHLY, empty=True),
    "months_unwatched": _list(MONTHLY, zero_watchers=True),
    "months_short": _list(MONTHLY, keep=5),
    "months_of_one": _list(MONTHLY, repeat=True),
    "months_gone": _answer("trakt", endpoint=MONTHLY, status=404, body="", content_type="text/html"),
    "calendar_empty": _list(CALENDAR, empty=True),
    "calendar_of_nulls": _list(CALENDAR, nulls=1.0),
    "calendar_of_one": _list(CALENDAR, repeat=True),
    "calendar_504": ({"kind": "status", "api": "trakt", "endpoint": CALENDAR, "status": 504},),
}
"""Trakt's lists: trending, the months', the calendar's pieces."""

OMDB: dict[str, Faults] = {
    "omdb_timeout": _omdb_error(
        "Timeout expired. The timeout period elapsed prior to completion of the operation "
        "or the server is not responding."
    ),
    "omdb_conversion": _omdb_error("Conversion from string '011f8539' to type 'Double' is not valid."),
    "omdb_getting_data": _omdb_error("Error getting data."),
    "omdb_knows_nobody": _omdb_error("Movie not found!"),
    "omdb_another_title": ({"kind": "edit", "api": "omdb", "set": {"imdbID": "tt0000001"}},),
    "omdb_not_available": (
        {
            "kind": "edit",
            "api": "omdb",
            "set": {"imdbRating": "N/A", "imdbVotes": "N/A", "Metascore": "N/A", "Ratings": []},
        },
    ),
}
"""OMDb's ways to say nothing within HTTP 200."""

LIES: dict[str, Faults] = PARTS | WHOLE | LISTS | OMDB
