"""TMDB: the client that asks for titles and for the names of genres.

What its answers mean for a title is in `title`, how they come in `payload`.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import AccessDenied, Misrouted, NotFound, SourceError
from ratingo_pipelines.sources.http import JsonAnswer
from ratingo_pipelines.sources.http.answer import HttpAnswer
from ratingo_pipelines.sources.http.api import ApiConfig, JsonApi
from ratingo_pipelines.sources.http.opening import open_api
from ratingo_pipelines.sources.http.statuses import said_by
from ratingo_pipelines.sources.lenient import read_count
from ratingo_pipelines.sources.tmdb.payload import error_code
from ratingo_pipelines.sources.tmdb.title import (
    API,
    MOST_PAGES,
    PopularTitle,
    TmdbTitle,
    parse_changes,
    parse_details,
    parse_found,
    parse_genres,
    parse_trending,
)

GENRES_KEPT = timedelta(days=1)


class TmdbClient:
    """Asks TMDB, one call a title. Every method raises only `SourceError`s.

    What it tells of titles is TMDB's own answer, asked for now: our cache saves at most the body of one that TMDB has
    just confirmed (304), and with `bypass_cache` not even that. Only the names of genres are kept, for a day.

    `regions` (`UA`) are those whose providers and certifications count; the languages of `locales` (`uk-UA`) are
    those of translations, videos and posters, and the last locale is the one TMDB is asked in.
    """

    def __init__(self, api: JsonApi, regions: Sequence[str], locales: Sequence[str]) -> None:
        self.api = api
        self._regions = tuple(regions)
        self._locale = locales[-1]
        self._languages = tuple(dict.fromkeys(locale.partition("-")[0] for locale in locales))

    def details(self, medium: Medium, tmdb_id: int, *, bypass_cache: bool = False) -> TmdbTitle:
        """All about one title, in one call: https://developer.themoviedb.org/docs/append-to-response.

        Raises `NotFound` where TMDB does not know it.
        """
        languages = ",".join((*self._languages, "null"))
        params = {
            "language": self._locale,
            "append_to_response": ",".join(medium.tmdb_appended),
            "include_image_language": languages,
            "include_video_language": languages,
        }
        reading = _Reading(medium, tmdb_id, self._regions, self._languages)
        return self.api.read(
            f"/{medium.tmdb_path}/{tmdb_id}",
            params,
            parse=lambda answer: reading.of(answer.payload),
            cache_if=reading.is_whole,
            bypass_cache=bypass_cache,
        )

    def find_by_imdb(self, medium: Medium, imdb_id: str) -> int | None:
        """The TMDB id of the title with this IMDb id (`tt0903747`); None where TMDB has none of this medium.

        An id that TMDB merged into another one is found so: https://developer.themoviedb.org/reference/find-by-id.
        """
        return self.api.read(
            f"/find/{quote(imdb_id, safe='')}",
            {"external_source": "imdb_id"},
            parse=lambda answer: parse_found(answer.payload, medium),
        )

    def trending(self, medium: Medium, limit: int, *, bypass_cache: bool = False) -> list[PopularTitle]:
        """The first `limit` titles of this week's trending list, in its order; a title may be listed twice.

        Pages of 20, of which there are 500 at most: https://developer.themoviedb.org/reference/trending-tv.
        """
        found: list[PopularTitle] = []
        for page in range(1, MOST_PAGES + 1):
            entries, pages = self.api.read(
                f"/trending/{medium.tmdb_path}/week",
                {"language": self._locale, "page": page},
                parse=lambda answer: _trending_page(answer, medium),
                bypass_cache=bypass_cache,
            )
            found += entries
            if len(found) >= limit or not entries or (pages is not None and page >= pages):
                break
        return found[:limit]

    def changes(self, medium: Medium, day: date) -> set[int]:
        """The ids of the titles that were changed on a day (UTC), whatever of them; whole, or not at all.

        Pages of 100: https://developer.themoviedb.org/reference/changes-tv-list. It does not say whether the last day
        of a window is in it, so that the day after is named: a title too many costs little.
        """
        found: set[int] = set()
        window = {"start_date": day.isoformat(), "end_date": (day + timedelta(days=1)).isoformat()}
        page, pages = 0, 1
        while page < pages:
            page += 1
            ids, pages = self.api.read(
                f"/{medium.tmdb_path}/changes",
                {**window, "page": page},
                parse=partial(_changes_page, page=page),
            )
            found |= ids
        return found

    def search(self, medium: Medium, words: str) -> list[PopularTitle]:
        """The titles that TMDB finds by words of their names, its best guess first: a page of 20.

        https://developer.themoviedb.org/reference/search-tv.
        """
        found = self.api.read(
            f"/search/{medium.tmdb_path}",
            {"language": self._locale, "query": words, "page": 1},
            parse=lambda answer: parse_trending(answer.payload, medium),
        )
        return [entry for entry in found if entry.id is not None and entry.name is not None]

    def genre_names(self, medium: Medium, language: str) -> dict[int, str]:
        """The names of genres in a language (`uk-UA`), by id; those without a name in it are left out."""
        path = f"/genre/{medium.tmdb_path}/list"
        return self.api.read(
            path,
            {"language": language},
            parse=lambda answer: parse_genres(answer.payload),
            max_age=GENRES_KEPT,
            cache_if=_names_genres,
        )


def _trending_page(answer: JsonAnswer, medium: Medium) -> tuple[list[PopularTitle], int | None]:
    """The entries of a page, and how many pages there are."""
    return parse_trending(answer.payload, medium), read_count(answer.payload.get("total_pages"))


def _changes_page(answer: JsonAnswer, page: int) -> tuple[set[int], int]:
    return parse_changes(answer.payload, page)


def _names_genres(payload: Any) -> bool:
    """Does it name any genre? An answer that names none would else be believed for as long as a good one."""
    try:
        return bool(parse_genres(payload))
    except SourceError:
        return False


class _Reading:
    """Reads an answer once, for the cache that asks whether to keep it and for the caller."""

    def __init__(self, medium: Medium, tmdb_id: int, regions: tuple[str, ...], languages: tuple[str, ...]) -> None:
        self._asked = medium, regions, languages
        self._tmdb_id = tmdb_id
        self._last: tuple[Any, TmdbTitle] | None = None

    def of(self, payload: Any) -> TmdbTitle:
        """The title; raises `BadPayload` and `Misrouted`."""
        if self._last is None or self._last[0] is not payload:
            title = parse_details(payload, *self._asked)
            if title.id != self._tmdb_id:
                raise Misrouted(API, f"{self._tmdb_id} was asked for, and the answer is about {title.id}")
            self._last = payload, title
        return self._last[1]

    def is_whole(self, payload: Any) -> bool:
        """Can every part be read? An answer that was spoilt on its way would else be found valid ever after."""
        try:
            title = self.of(payload)
        except SourceError:
            return False
        parts = (title.genres, title.translations, title.videos, title.providers, title.content_ratings, title.cast)
        return not any(part is None for part in (*parts, title.recommendations))


_MAY_BE_UNKNOWN = re.compile(r"/(tv|movie)/[0-9]+$")
"""The paths that TMDB may know nothing of; the others are always there."""
UNKNOWN = (34, 6)
"""TMDB's errors that say of a title that it does not exist: https://developer.themoviedb.org/docs/errors."""


def _diagnose(variable: str, answer: HttpAnswer) -> SourceError | None:
    """What TMDB's own errors mean; an error that is none of TMDB's was sent by something on the way."""
    status = answer.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        return None
    try:
        code = error_code(answer.json)
    except ValueError:
        code = None
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        if code in UNKNOWN and _MAY_BE_UNKNOWN.search(answer.where):
            return NotFound(API, f"{answer.where} is unknown ({said_by(answer)})")
        return Misrouted(API, f"{answer.where} was answered as TMDB never does ({said_by(answer)})")
    if answer.body.strip() and code is None:
        return Misrouted(API, f"{answer.where} was answered as TMDB never does ({said_by(answer)})")
    if status == HTTPStatus.UNAUTHORIZED:
        return AccessDenied(
            API, f"refuses the key (401): {variable} is wrong or revoked; renew it in TMDB's account settings"
        )
    return None


def open_tmdb(settings: Settings) -> TmdbClient:
    """Open the client with the read access token, else with the API key; it is asked as often as is configured.

    TMDB allows about 40 requests a second: https://developer.themoviedb.org/docs/rate-limiting. Raises `AccessDenied`
    where the key is missing or none.
    """
    token, key = settings.tmdb_access_token, settings.tmdb_api_key
    if not (token or key):
        raise AccessDenied(API, "no key is configured; set TMDB_ACCESS_TOKEN or TMDB_API_KEY")

    variable = "TMDB_ACCESS_TOKEN" if token else "TMDB_API_KEY"
    config = ApiConfig(
        name=API,
        base_url=settings.tmdb_base_url,
        windows=(settings.tmdb_rate_limit,),
        secret_headers={"Authorization": SecretStr(f"Bearer {token.get_secret_value()}")} if token else {},
        secret_params={"api_key": key} if key and not token else {},
        key_variable=variable,
    )
    return TmdbClient(open_api(settings, config, partial(_diagnose, variable)), settings.regions, settings.locales)
