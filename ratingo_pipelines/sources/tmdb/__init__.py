"""TMDB: the client, its answers as they come (`payload`), and what they mean in one shape (`title`)."""

from ratingo_pipelines.sources.tmdb.client import TmdbClient, open_tmdb
from ratingo_pipelines.sources.tmdb.payload import Episode, Genre, Season
from ratingo_pipelines.sources.tmdb.title import (
    CastMember,
    PopularTitle,
    Provider,
    Recommendation,
    TmdbTitle,
    Translation,
    Video,
)

__all__ = [
    "CastMember",
    "Episode",
    "Genre",
    "PopularTitle",
    "Provider",
    "Recommendation",
    "Season",
    "TmdbClient",
    "TmdbTitle",
    "Translation",
    "Video",
    "open_tmdb",
]
