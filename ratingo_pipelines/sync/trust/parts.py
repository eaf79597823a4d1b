"""The parts of a title's facts that an answer can empty, and the columns of the title's own row that each fills.

Here are names only; how many entries of a part a title has, and an answer brings, is counted in `entries`.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ratingo_pipelines.media import Medium

CERTIFIED_IN = "UA"
"""The region whose certification a title's own row holds."""
UKRAINIAN = "uk"


class FactPart(StrEnum):
    """A part of a title's facts; the last two are the title itself."""

    CAST = "cast"
    PROVIDERS = "providers"
    CERTIFICATIONS = "certifications"
    VIDEOS = "videos"
    GENRES = "genres"
    RELATED = "related"
    TITLE = "title"
    OVERVIEW = "overview"
    TAGLINE = "tagline"
    POSTER = "poster"
    POSTER_UK = "poster_uk"
    BACKDROP = "backdrop"
    SEASONS = "seasons"
    NUMBER_OF_SEASONS = "number_of_seasons"
    NUMBER_OF_EPISODES = "number_of_episodes"
    LAST_EPISODE = "last_episode"
    NEXT_EPISODE = "next_episode"
    RELEASED = "released"
    STATUS = "status"
    RUNTIME = "runtime"
    TMDB_VOTES = "tmdb_votes"
    TRAKT_VOTES = "trakt_votes"
    BUCKETS = "buckets"
    UNKNOWN = "unknown"
    """TMDB does not know the title any more."""
    ANIME = "anime"
    """By what the sources say now, the title falls to the anime filter."""


TEXTS = (FactPart.TITLE, FactPart.OVERVIEW, FactPart.TAGLINE)
"""The parts that a title has in each locale, named as the columns of its translations."""
FROM_TRAKT = frozenset({FactPart.RELATED, FactPart.TRAKT_VOTES, FactPart.BUCKETS})
"""The parts that Trakt tells; all others are TMDB's."""


class PartKey(NamedTuple):
    """A part, in one region or locale where it has some."""

    part: FactPart
    region: str = ""
    """A country (`UA`); of texts a locale (`uk-UA`); empty where the part has none."""

    def __str__(self) -> str:
        """As people call it: `providers UA`."""
        return f"{self.part} {self.region}".rstrip()


UNKNOWN, ANIME = PartKey(FactPart.UNKNOWN), PartKey(FactPart.ANIME)
RELATED, BUCKETS = PartKey(FactPart.RELATED), PartKey(FactPart.BUCKETS)
TMDB_VOTES, TRAKT_VOTES = PartKey(FactPart.TMDB_VOTES), PartKey(FactPart.TRAKT_VOTES)
TITLE_ITSELF = frozenset({UNKNOWN, ANIME})
"""Doubts whether the title is to be listed at all."""


def source_of(part: FactPart) -> str:
    """The API that tells the part, as people call it."""
    return "Trakt" if part in FROM_TRAKT else "TMDB"


def ukrainian_locale(locales: Sequence[str]) -> str:
    """The locale of Ukrainian texts; the bare language where none is configured."""
    return next((locale for locale in locales if locale.partition("-")[0] == UKRAINIAN), UKRAINIAN)


@cache
def column_parts(medium: Medium, locales: tuple[str, ...]) -> Mapping[str, PartKey]:
    """The columns of a title's own row that a part fills alone: column -> part.

    Not among them are `watch_providers`, which holds those of several regions, and columns that no answer empties.
    """
    return {column: key for key, columns in _columns(medium, locales) for column in columns}


def columns_of(medium: Medium, locales: tuple[str, ...], key: PartKey) -> list[str]:
    """The columns of a title's own row that this part fills alone."""
    return [column for column, part in column_parts(medium, locales).items() if part == key]


def _columns(medium: Medium, locales: tuple[str, ...]) -> Iterator[tuple[PartKey, Sequence[str]]]:
    for part in _OF_ONE_COLUMN:
        yield PartKey(part), [part.value]
    yield PartKey(FactPart.RELEASED), [medium.tmdb_released]
    yield PartKey(FactPart.SEASONS), ["latest_season_number", "latest_season_episodes"]
    for part in (FactPart.LAST_EPISODE, FactPart.NEXT_EPISODE):
        yield PartKey(part), [f"{part}_{field}" for field in ("season", "number", "air_date")]
    yield PartKey(FactPart.TMDB_VOTES), ["rating_tmdb", "rating_tmdb_count"]
    yield PartKey(FactPart.TRAKT_VOTES), ["rating_trakt_avg", "rating_trakt_votes"]
    yield PartKey(FactPart.CERTIFICATIONS, CERTIFIED_IN), ["content_rating"]
    for part in (FactPart.OVERVIEW, FactPart.TAGLINE):
        yield PartKey(part, locales[-1]), [part.value]
    for part in (FactPart.TITLE, FactPart.OVERVIEW):
        yield PartKey(part, ukrainian_locale(locales)), [f"{part}_uk"]


_OF_ONE_COLUMN = (
    *(FactPart.CAST, FactPart.VIDEOS, FactPart.GENRES, FactPart.RELATED),
    *(FactPart.POSTER, FactPart.POSTER_UK, FactPart.BACKDROP, FactPart.STATUS, FactPart.RUNTIME),
    *(FactPart.NUMBER_OF_SEASONS, FactPart.NUMBER_OF_EPISODES),
)
"""The parts that are a column of the same name."""
