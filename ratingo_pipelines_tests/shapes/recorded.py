"""Where the recorded answers are, which endpoint each is one of, and the shapes distilled from them."""

import json
from pathlib import Path
from typing import Any

from ratingo_pipelines_tests.shapes.shape import Shape, distil

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "samples"
"""Beside the checkout, where there are any."""
FOLDER = Path(__file__).parent

ENDPOINTS: dict[str, dict[str, tuple[str, ...]]] = {
    "trakt": {
        "/shows/trending": ("shows_trending*", "TrendingShows_*"),
        "/movies/trending": ("movies_trending*", "test_get_trending_movies*"),
        "/shows/watched": ("shows_watched_*", "test_get_most_watched_shows*"),
        "/movies/watched": ("movies_watched_*", "test_get_most_watched_movies*"),
        "/{medium}/{id}/ratings": ("*_ratings__*",),
        "/shows/{id}/related": ("shows_*_related*", "test_get_related_shows*"),
        "/movies/{id}/related": ("movies_*_related*", "test_get_related_movies*"),
        "/shows/{id}": ("shows_breaking_bad_extended=full*",),
        "/calendars/all/shows": ("calendars_all_shows_*", "test_get_calendar_*", "test_get_my_season_premieres*"),
    },
    "tmdb": {
        "/tv/{id}": ("tv_1396__*", "tv_1668__*", "tv-series__*", "tv-series-blank-*"),
        "/movie/{id}": ("movie_47964__*", "movie_47964_language=*", "movie_168259_*", "movie-blank-*"),
        "/tv/{id}/content_ratings": ("tv_*_content_ratings__*",),
        "/tv/{id}/translations": ("tv_*_translations__*", "tv-series-translations__*"),
        "/tv/{id}/videos": ("tv_*_videos__*",),
        "/tv/{id}/watch/providers": ("tv_*_watch_providers__*",),
        "/tv/{id}/recommendations": ("tv_*_recommendations*",),
        "/tv/{id}/external_ids": ("tv_*_external_ids__*",),
        "/tv/{id}/aggregate_credits": ("tv_*_aggregate_credits__*", "tv-series-aggregate-credits__*"),
        "/tv/{id}/images": ("tv_*=images_include_*#images",),
        "/movie/{id}/images": ("movie_*=images_include_*#images",),
        "/movie/{id}/credits": ("movie_*_credits__*",),
        "/movie/{id}/release_dates": ("movie_*_release_dates__*", "movie-release-dates__*"),
        "/movie/{id}/translations": ("movie_*_translations__*",),
        "/movie/{id}/videos": ("movie_*_videos__*",),
        "/movie/{id}/watch/providers": ("movie_*_watch_providers__*",),
        "/movie/{id}/recommendations": ("movie_*_recommendations*",),
        "/movie/{id}/external_ids": ("movie_*_external_ids__*",),
        "/tv/changes": ("tv_changes_*",),
        "/movie/changes": ("movie_changes_*",),
        "error": ("error-status-4*", "movie_999999999_HTTP404*"),
    },
    "omdb": {
        "/": ("i=tt*",),
        "error": ("error_*_HTTP*", "error_getting_data*"),
    },
}
"""By API and endpoint, patterns of the recordings' names; after a `#` the part of the answer that is the endpoint's."""


def distilled(api: str) -> dict[str, Shape]:
    """The shapes of an API's endpoints, from the recordings."""
    return {
        endpoint: distil(payload for pattern in patterns for payload in _recorded(api, pattern))
        for endpoint, patterns in ENDPOINTS[api].items()
    }


def _recorded(api: str, pattern: str) -> list[Any]:
    name, _, part = pattern.partition("#")
    found = [_load(path) for path in sorted((RECORDINGS / api).glob(name))]
    if not found:
        raise LookupError(f"no recording of {api} is called {name}")
    return [payload[part] for payload in found] if part else found


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def shapes(api: str) -> dict[str, dict[str, list[str]]]:
    """The shapes that are kept with the tests."""
    found: dict[str, dict[str, list[str]]] = _load(FOLDER / f"{api}.json")
    return found


def write() -> list[Path]:
    """Distil all recordings anew; the files that were written."""
    written = []
    for api in ENDPOINTS:
        path = FOLDER / f"{api}.json"
        lines = []
        for endpoint, shape in distilled(api).items():
            fields = [f"    {json.dumps(name)}: {json.dumps(types)}" for name, types in shape.items()]
            lines.append(f"  {json.dumps(endpoint)}: {{\n" + ",\n".join(fields) + "\n  }")
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        written.append(path)
    return written
