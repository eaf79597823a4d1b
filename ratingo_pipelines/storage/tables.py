"""The tables that the site reads: names, columns, unique keys and indexes are its contract, to the letter.

One set for SQLite and PostgreSQL. This project's own tables are in `pipeline_tables.py`. No foreign keys: the
contract has none, and an adopted database is to be the same as a new one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import SchemaItem

from ratingo_pipelines.media import MOVIES, SHOWS, Medium
from ratingo_pipelines.storage.columns import (
    created_at,
    double,
    flag,
    index,
    indexed_text,
    json,
    key,
    number,
    text,
    timestamp,
    unique,
    unique_constraint,
    updated_at,
)

metadata = MetaData()


@dataclass(frozen=True)
class TitleTables:
    """A medium's tables."""

    medium: Medium
    parent_key: str
    """The child tables' column that holds the title's id: `show_id`."""
    related_key: str
    """The column of `related` that holds the related title's id: `related_show_id`."""
    titles: Table
    ratings: Table
    rating_buckets: Table
    snapshots: Table
    translations: Table
    genres: Table
    videos: Table
    watch_providers: Table
    cast: Table
    content_ratings: Table
    related: Table

    @property
    def children(self) -> tuple[Table, ...]:
        """The tables whose rows tell what a title is now; snapshots tell what it was."""
        texts = (self.translations, self.genres, self.videos, self.watch_providers, self.cast, self.content_ratings)
        return (*texts, self.related, self.ratings, self.rating_buckets)

    @property
    def released(self) -> Column[str]:
        """First air date or release date of a title (ISO date)."""
        return self.titles.c[self.medium.tmdb_released]


def tables_of(medium: Medium) -> TitleTables:
    """The tables of one medium."""
    return _TABLES[medium.plural]


# What only one of the two media has.
_RELEASE_COLUMNS: Mapping[str, Callable[[], list[SchemaItem]]] = {
    SHOWS.plural: lambda: [
        text("first_air_date"),
        number("number_of_seasons"),
        number("number_of_episodes"),
        number("latest_season_number"),
        number("latest_season_episodes"),
        number("last_episode_season"),
        number("last_episode_number"),
        text("last_episode_air_date"),
        number("next_episode_season"),
        number("next_episode_number"),
        text("next_episode_air_date"),
    ],
    MOVIES.plural: lambda: [text("release_date"), number("runtime")],
}
# Two index names of shows are older than movies, and carry no prefix.
_UNPREFIXED = {SHOWS.plural: "", MOVIES.plural: "movies_"}


def _titles(medium: Medium) -> Table:
    name, bare = medium.plural, _UNPREFIXED[medium.plural]
    return Table(
        name,
        metadata,
        key(),
        number("tmdb_id", required=True),
        text("imdb_id"),
        text("title", required=True),
        text("title_uk"),
        text("overview"),
        text("overview_uk"),
        text("poster"),
        text("poster_uk"),
        text("backdrop"),
        json("genres"),
        json("videos"),
        double("rating_tmdb"),
        number("rating_tmdb_count"),
        double("popularity_tmdb"),
        double("rating_imdb"),
        number("imdb_votes"),
        text("content_rating"),
        json("watch_providers"),
        json("cast"),
        json("related"),
        double("rating_metacritic"),
        double("rating_trakt_avg"),
        number("rating_trakt_votes"),
        double("rating_trakt"),
        double("watchers_delta"),
        double("delta_3m"),
        double("primary_rating"),
        double("trending_score"),
        *_RELEASE_COLUMNS[name](),
        text("status"),
        text("tagline"),
        updated_at(),
        timestamp("trending_updated_at"),
        unique_constraint(f"{name}_tmdb_id_unique", "tmdb_id"),
        unique(f"{bare}tmdb_id_idx", "tmdb_id"),
        index(f"{bare}trending_score_idx", "trending_score"),
        index(f"{name}_rating_trakt_idx", "rating_trakt"),
        index(f"{name}_trending_updated_at_idx", "trending_updated_at"),
        index(f"{name}_watchers_delta_idx", "watchers_delta"),
        index(f"{name}_delta_3m_idx", "delta_3m"),
    )


def _child(medium: Medium, name: str, *parts: SchemaItem) -> Table:
    """A child table: what all of them begin with, and the index by parent that all of them have."""
    parent = f"{medium.singular}_id"
    table = f"{medium.singular}_{name}"
    return Table(table, metadata, key(), number(parent, required=True), *parts, index(f"{table}_{parent}_idx", parent))


def _tables(medium: Medium) -> TitleTables:
    one = medium.singular
    parent, related = f"{one}_id", f"related_{one}_id"
    return TitleTables(
        medium=medium,
        parent_key=parent,
        related_key=related,
        titles=_titles(medium),
        ratings=_child(
            medium,
            "ratings",
            indexed_text("source", required=True),
            double("avg"),
            number("votes"),
            updated_at(),
            unique(f"{one}_ratings_unique_idx", parent, "source"),
        ),
        rating_buckets=_child(
            medium,
            "rating_buckets",
            indexed_text("source", required=True),
            number("bucket", required=True),
            number("count", required=True),
            updated_at(),
            unique(f"{one}_rating_buckets_uniq_idx", parent, "source", "bucket"),
        ),
        snapshots=_child(
            medium,
            "watchers_snapshots",
            number("tmdb_id", required=True),
            number("watchers", required=True),
            created_at(),
            index(f"{one}_watchers_snapshots_tmdb_id_idx", "tmdb_id"),
            index(f"{one}_watchers_snapshots_created_idx", "created_at"),
        ),
        translations=_child(
            medium,
            "translations",
            indexed_text("locale", required=True),
            text("title"),
            text("overview"),
            text("tagline"),
            updated_at(),
            created_at(),
            unique(f"{one}_translations_unique_idx", parent, "locale"),
            index(f"{one}_translations_locale_idx", "locale"),
        ),
        genres=_child(
            medium,
            "genres",
            number("genre_id", required=True),
            created_at(),
            unique(f"{one}_genres_unique_idx", parent, "genre_id"),
            index(f"{one}_genres_genre_id_idx", "genre_id"),
        ),
        videos=_child(
            medium,
            "videos",
            indexed_text("site", required=True),
            indexed_text("key", required=True),
            text("name"),
            text("type"),
            text("locale"),
            flag("official"),
            timestamp("published_at"),
            updated_at(),
            created_at(),
            unique(f"{one}_videos_unique_idx", parent, "site", "key"),
            index(f"{one}_videos_site_idx", "site"),
        ),
        watch_providers=_child(
            medium,
            "watch_providers",
            indexed_text("region", required=True),
            number("provider_id"),
            indexed_text("provider_name"),
            text("logo_path"),
            text("link_url"),
            indexed_text("category"),
            number("rank"),
            updated_at(),
            created_at(),
            unique(f"{one}_watch_providers_unique_idx", parent, "region", "provider_id", "category"),
            index(f"{one}_watch_providers_region_idx", "region"),
            index(f"{one}_watch_providers_category_idx", "category"),
            index(f"{one}_watch_providers_provider_name_idx", "provider_name"),
            index(f"{one}_watch_providers_{parent}_region_category_idx", parent, "region", "category"),
        ),
        cast=_child(
            medium,
            "cast",
            number("person_id"),
            text("name"),
            indexed_text("character"),
            number("order"),
            text("profile_path"),
            updated_at(),
            created_at(),
            unique(f"{one}_cast_unique_idx", parent, "person_id", "character"),
            index(f"{one}_cast_person_id_idx", "person_id"),
        ),
        content_ratings=_child(
            medium,
            "content_ratings",
            indexed_text("region", required=True),
            text("rating"),
            updated_at(),
            created_at(),
            unique(f"{one}_content_ratings_unique_idx", parent, "region"),
            index(f"{one}_content_ratings_region_idx", "region"),
        ),
        related=_child(
            medium,
            "related",
            number(related, required=True),
            indexed_text("source"),
            number("rank"),
            double("score"),
            created_at(),
            updated_at(),
            unique(f"{one}_related_unique_idx", parent, related),
        ),
    )


_TABLES = {medium.plural: _tables(medium) for medium in (SHOWS, MOVIES)}

genres = Table(
    "genres",
    metadata,
    key(),
    number("tmdb_id", required=True),
    indexed_text("name_en", required=True),
    text("name_uk"),
    updated_at(),
    unique("genres_tmdb_id_uniq_idx", "tmdb_id"),
    index("genres_name_en_idx", "name_en"),
)

watch_providers_registry = Table(
    "watch_providers_registry",
    metadata,
    key(),
    number("tmdb_id", required=True),
    indexed_text("name", required=True),
    text("logo_path"),
    indexed_text("slug"),
    updated_at(),
    created_at(),
    unique("watch_providers_registry_tmdb_id_uniq_idx", "tmdb_id"),
    index("watch_providers_registry_name_idx", "name"),
    index("watch_providers_registry_slug_idx", "slug"),
)

show_airings = Table(
    "show_airings",
    metadata,
    key(),
    number("show_id"),
    number("tmdb_id", required=True),
    number("trakt_id"),
    text("title"),
    text("episode_title"),
    number("season"),
    number("episode"),
    indexed_text("air_date"),
    text("type"),
    text("network"),
    updated_at(),
    created_at(),
    unique("airings_tmdb_season_ep_idx", "tmdb_id", "season", "episode"),
    index("airings_air_date_idx", "air_date"),
    index("airings_show_id_idx", "show_id"),
)
