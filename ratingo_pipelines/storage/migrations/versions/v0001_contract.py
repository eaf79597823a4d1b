"""The tables that the site reads: created in an empty database, completed in one that the old sync filled."""

from typing import Any, Protocol

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TextClause,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from ratingo_pipelines.storage.migrations.adoption import add_missing

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JSON = JSON().with_variant(JSONB(), "postgresql")
_SHOWS = (
    *("first_air_date text", "number_of_seasons int", "number_of_episodes int", "latest_season_number int"),
    *("latest_season_episodes int", "last_episode_season int", "last_episode_number int"),
    *("last_episode_air_date text", "next_episode_season int", "next_episode_number int"),
    "next_episode_air_date text",
)
_MOVIES = ("release_date text", "runtime int")
_TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "int": Integer(),
    "double": Double(),
    "json": _JSON,
    "bool": Boolean(),
    "time": DateTime(),
}


class TableMaker(Protocol):
    """Adds a table: columns as `name type`, `!` where not null; indexes as `name: columns`, `*` where unique."""

    def __call__(self, name: str, columns: str | tuple[str, ...], *indexes: str) -> None:
        """Add it."""


def upgrade() -> None:
    """Create what is missing."""
    add_missing(described(op.get_context().dialect.name))


def described(dialect: str) -> MetaData:
    """The tables as this revision left them."""
    metadata = MetaData()
    now = text("timezone('utc', now())" if dialect == "postgresql" else "CURRENT_TIMESTAMP")

    def table(name: str, columns: str | tuple[str, ...], *indexes: str) -> None:
        described = columns.split(", ") if isinstance(columns, str) else columns
        items: list[SchemaItem] = [Column("id", Integer, primary_key=True)]
        items += [_column(column, now) for column in described]
        Table(name, metadata, *items, *(_index(index) for index in indexes))

    _twins(table, "shows", "", _SHOWS)
    _twins(table, "movies", "movies_", _MOVIES)
    for one in ("show", "movie"):
        _children(table, one)
    _shared(table)
    return metadata


def _column(described: str, now: TextClause) -> Column[Any]:
    name, kind = described.split()
    if name in {"created_at", "updated_at"}:
        return Column(name, DateTime(), nullable=False, server_default=now)
    return Column(name, _TYPES[kind.rstrip("!")], nullable=not kind.endswith("!"))


def _index(described: str) -> Index:
    name, columns = described.split(": ")
    return Index(name.rstrip("*"), *columns.split(", "), unique=name.endswith("*"))


def _twins(table: TableMaker, name: str, bare: str, own: tuple[str, ...]) -> None:
    columns = (
        *("tmdb_id int!", "imdb_id text", "title text!", "title_uk text", "overview text", "overview_uk text"),
        *("poster text", "poster_uk text", "backdrop text", "genres json", "videos json", "rating_tmdb double"),
        *("rating_tmdb_count int", "popularity_tmdb double", "rating_imdb double", "imdb_votes int"),
        *("content_rating text", "watch_providers json", "cast json", "related json"),
        *("rating_metacritic double", "rating_trakt_avg double", "rating_trakt_votes int", "rating_trakt double"),
        *("watchers_delta double", "delta_3m double", "primary_rating double", "trending_score double"),
        *own,
        *("status text", "tagline text", "updated_at time!", "trending_updated_at time"),
    )
    table(
        name,
        columns,
        f"{bare}tmdb_id_idx*: tmdb_id",
        f"{bare}trending_score_idx: trending_score",
        f"{name}_rating_trakt_idx: rating_trakt",
        f"{name}_trending_updated_at_idx: trending_updated_at",
        f"{name}_watchers_delta_idx: watchers_delta",
        f"{name}_delta_3m_idx: delta_3m",
    )


def _children(table: TableMaker, one: str) -> None:
    parent, related = f"{one}_id", f"related_{one}_id"

    def child(name: str, columns: str, unique: str, *others: str, unique_name: str = "unique_idx") -> None:
        full = f"{one}_{name}"
        indexes = [f"{full}_{parent}_idx: {parent}", *(f"{full}_{index}" for index in others)]
        if unique:
            indexes.insert(0, f"{full}_{unique_name}*: {parent}, {unique}")
        table(full, f"{parent} int!, {columns}", *indexes)

    child("ratings", "source text!, avg double, votes int, updated_at time!", "source")
    child(
        "rating_buckets",
        "source text!, bucket int!, count int!, updated_at time!",
        "source, bucket",
        unique_name="uniq_idx",
    )
    child(
        "watchers_snapshots",
        "tmdb_id int!, watchers int!, created_at time!",
        "",
        "tmdb_id_idx: tmdb_id",
        "created_idx: created_at",
    )
    child(
        "translations",
        "locale text!, title text, overview text, tagline text, updated_at time!, created_at time!",
        "locale",
        "locale_idx: locale",
    )
    child("genres", "genre_id int!, created_at time!", "genre_id", "genre_id_idx: genre_id")
    child(
        "videos",
        "site text!, key text!, name text, type text, locale text, official bool, published_at time, "
        "updated_at time!, created_at time!",
        "site, key",
        "site_idx: site",
    )
    child(
        "watch_providers",
        "region text!, provider_id int, provider_name text, logo_path text, link_url text, category text, "
        "rank int, updated_at time!, created_at time!",
        "region, provider_id, category",
        "region_idx: region",
        "category_idx: category",
        "provider_name_idx: provider_name",
        f"{parent}_region_category_idx: {parent}, region, category",
    )
    child(
        "cast",
        "person_id int, name text, character text, order int, profile_path text, updated_at time!, created_at time!",
        "person_id, character",
        "person_id_idx: person_id",
    )
    child(
        "content_ratings",
        "region text!, rating text, updated_at time!, created_at time!",
        "region",
        "region_idx: region",
    )
    child(
        "related",
        f"{related} int!, source text, rank int, score double, created_at time!, updated_at time!",
        related,
    )


def _shared(table: TableMaker) -> None:
    table(
        "genres",
        "tmdb_id int!, name_en text!, name_uk text, updated_at time!",
        "genres_tmdb_id_uniq_idx*: tmdb_id",
        "genres_name_en_idx: name_en",
    )
    table(
        "watch_providers_registry",
        "tmdb_id int!, name text!, logo_path text, slug text, updated_at time!, created_at time!",
        "watch_providers_registry_tmdb_id_uniq_idx*: tmdb_id",
        "watch_providers_registry_name_idx: name",
        "watch_providers_registry_slug_idx: slug",
    )
    table(
        "show_airings",
        "show_id int, tmdb_id int!, trakt_id int, title text, episode_title text, season int, episode int, "
        "air_date text, type text, network text, updated_at time!, created_at time!",
        "airings_tmdb_season_ep_idx*: tmdb_id, season, episode",
        "airings_air_date_idx: air_date",
        "airings_show_id_idx: show_id",
    )
