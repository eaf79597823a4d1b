"""What differs between shows and movies, as data.

Nouns only: names of tables, paths and keys. A behaviour that differs is a module of its own.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Medium:
    """One of the two kinds of titles; the same code serves both, given this value."""

    plural: str
    """Name of the table, the asset group, the pool and Trakt's path: `shows`."""
    singular: str
    """Prefix of the child tables and Trakt's wrapper key: `show`."""
    tmdb_path: str
    """Path at TMDB, for titles and for genres: `tv`."""
    tmdb_name: str
    """Key of the title's name in TMDB's answers and translations: `name`."""
    tmdb_released: str
    """Key of the first air date or release date at TMDB, and its column here."""
    tmdb_appended: tuple[str, ...]
    """What one call for the details brings along (TMDB allows twenty)."""
    omdb_type: str
    """OMDb's `type` parameter: `series`."""

    def __str__(self) -> str:
        """The plural, which is how commands, assets and logs call a medium."""
        return self.plural


_APPENDED = ("translations", "watch/providers", "videos", "external_ids", "recommendations", "images")

SHOWS = Medium(
    plural="shows",
    singular="show",
    tmdb_path="tv",
    tmdb_name="name",
    tmdb_released="first_air_date",
    tmdb_appended=(*_APPENDED, "content_ratings", "aggregate_credits"),
    omdb_type="series",
)
MOVIES = Medium(
    plural="movies",
    singular="movie",
    tmdb_path="movie",
    tmdb_name="title",
    tmdb_released="release_date",
    tmdb_appended=(*_APPENDED, "release_dates", "credits"),
    omdb_type="movie",
)
MEDIA = (SHOWS, MOVIES)
BY_NAME = {medium.plural: medium for medium in MEDIA}
