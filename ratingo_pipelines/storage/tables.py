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
        text("first_air_date", comment="First air date (ISO date), TMDB's."),
        number("number_of_seasons", comment="Seasons, TMDB's count."),
        number("number_of_episodes", comment="Episodes of all seasons, TMDB's count."),
        number(
            "latest_season_number",
            comment="Number of the latest season that TMDB knows; 0 (specials) only where there is no other.",
        ),
        number("latest_season_episodes", comment="Episodes of that season."),
        number("last_episode_season", comment="Season of the episode that aired last, TMDB's."),
        number("last_episode_number", comment="Its number."),
        text("last_episode_air_date", comment="Its air date (ISO date)."),
        number(
            "next_episode_season", comment="Season of the episode that airs next, TMDB's; NULL where none is announced."
        ),
        number("next_episode_number", comment="Its number."),
        text("next_episode_air_date", comment="Its air date (ISO date)."),
    ],
    MOVIES.plural: lambda: [
        text("release_date", comment="Release date (ISO date), TMDB's."),
        number("runtime", comment="Length in minutes, TMDB's."),
    ],
}
# Two index names of shows are older than movies, and carry no prefix.
_UNPREFIXED = {SHOWS.plural: "", MOVIES.plural: "movies_"}


def _titles(medium: Medium) -> Table:
    name, bare = medium.plural, _UNPREFIXED[medium.plural]
    return Table(
        name,
        metadata,
        key(),
        number("tmdb_id", required=True, comment="TMDB's id of the title; one row each."),
        text("imdb_id", comment="IMDb's id (tt0903747): Trakt's where the latest list names the title, else TMDB's."),
        text("title", required=True, comment="Name in English: Trakt's, else TMDB's."),
        text("title_uk", comment="Name in Ukrainian, TMDB's; NULL where it has no translation."),
        text("overview", comment="Description in English, TMDB's."),
        text("overview_uk", comment="Description in Ukrainian, TMDB's; NULL where it has no translation."),
        text("poster", comment="Path of the poster at TMDB (/abc.jpg), not a URL."),
        text("poster_uk", comment="Path of the best-voted poster in Ukrainian at TMDB; NULL where it has none."),
        text("backdrop", comment="Path of the wide picture at TMDB."),
        json("genres", comment="TMDB's genres: [{id, name}], ids and English names of TMDB."),
        json(
            "videos",
            comment="Trailers and teasers on YouTube, as TMDB lists them: Ukrainian, English, then the others.",
        ),
        double("rating_tmdb", comment="TMDB's average of votes, 0 to 10; NULL without votes."),
        number("rating_tmdb_count", comment="Number of votes at TMDB."),
        double("popularity_tmdb", comment="TMDB's popularity, a number of its own making."),
        double("rating_imdb", comment="IMDb's average, 0 to 10, by way of OMDb or Trakt."),
        number("imdb_votes", comment="Number of votes at IMDb, likewise."),
        text("content_rating", comment="Age certification in Ukraine (16+), TMDB's."),
        json(
            "watch_providers",
            comment="Where to watch: [{region, id, name, logo_path, link, category, rank}], JustWatch's through TMDB.",
        ),
        json(
            "cast", comment="The first 12 persons of the cast, TMDB's: [{id, name, roles or character, profile_path}]."
        ),
        json("related", comment="TMDB ids of the related titles that are linked, in their order."),
        double("rating_metacritic", comment="Metacritic's score, 0 to 100, by way of OMDb or Trakt."),
        double("rating_trakt_avg", comment="Trakt's average of votes, 0 to 10; NULL without votes."),
        number("rating_trakt_votes", comment="Number of votes at Trakt."),
        double(
            "rating_trakt",
            comment="People watching now at Trakt, by the last list that named the title; the name is historical.",
        ),
        double(
            "watchers_delta",
            comment="Change of rating_trakt since the snapshot before, in people watching now; 0 where there is none.",
        ),
        double(
            "delta_3m",
            comment="Watchers of the last three complete months minus those of the three before, Trakt's lists.",
        ),
        double("primary_rating", comment="The rating to show, 0 to 10: TMDB's, else Trakt's, else IMDb's."),
        double(
            "trending_score",
            comment="0 to 100: 40 % TMDB's rating, 60 % people watching now against the most in the list.",
        ),
        *_RELEASE_COLUMNS[name](),
        text("status", comment="TMDB's word for how far it is: Returning Series, Ended, Released."),
        text("tagline", comment="TMDB's tagline in English."),
        updated_at(),
        timestamp(
            "trending_updated_at",
            comment="The newest cycle (its time, UTC) whose list named the title; never goes back.",
        ),
        unique_constraint(f"{name}_tmdb_id_unique", "tmdb_id"),
        unique(f"{bare}tmdb_id_idx", "tmdb_id"),
        index(f"{bare}trending_score_idx", "trending_score"),
        index(f"{name}_rating_trakt_idx", "rating_trakt"),
        index(f"{name}_trending_updated_at_idx", "trending_updated_at"),
        index(f"{name}_watchers_delta_idx", "watchers_delta"),
        index(f"{name}_delta_3m_idx", "delta_3m"),
        comment=f"One row a {medium.singular}; the site lists those that have trending_score and rating_trakt.",
    )


def _child(medium: Medium, name: str, comment: str, *parts: SchemaItem) -> Table:
    """A child table: what all of them begin with, and the index by parent that all of them have."""
    parent = f"{medium.singular}_id"
    table = f"{medium.singular}_{name}"
    title = number(parent, required=True, comment=f"The title: id of {medium.plural}.")
    return Table(table, metadata, key(), title, *parts, index(f"{table}_{parent}_idx", parent), comment=comment)


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
            "Averages by source; Trakt's alone so far.",
            indexed_text("source", required=True, comment="Whose average: trakt."),
            double("avg", comment="Average of votes, 0 to 10; NULL without votes."),
            number("votes", comment="Number of votes."),
            updated_at(),
            unique(f"{one}_ratings_unique_idx", parent, "source"),
        ),
        rating_buckets=_child(
            medium,
            "rating_buckets",
            "How many gave which rating, by source.",
            indexed_text("source", required=True, comment="Whose votes: trakt."),
            number("bucket", required=True, comment="The rating given, 1 to 10."),
            number("count", required=True, comment="How many gave it."),
            updated_at(),
            unique(f"{one}_rating_buckets_uniq_idx", parent, "source", "bucket"),
        ),
        snapshots=_child(
            medium,
            "watchers_snapshots",
            "People watching now, one row a title and cycle.",
            number("tmdb_id", required=True, comment="TMDB's id of the title."),
            number("watchers", required=True, comment="People watching now at Trakt."),
            created_at("The time of the cycle, UTC."),
            index(f"{one}_watchers_snapshots_tmdb_id_idx", "tmdb_id"),
            index(f"{one}_watchers_snapshots_created_idx", "created_at"),
        ),
        translations=_child(
            medium,
            "translations",
            "Texts by locale, TMDB's.",
            indexed_text("locale", required=True, comment="uk-UA or en-US."),
            text("title", comment="Name."),
            text("overview", comment="Description."),
            text("tagline", comment="Tagline."),
            updated_at(),
            created_at(),
            unique(f"{one}_translations_unique_idx", parent, "locale"),
            index(f"{one}_translations_locale_idx", "locale"),
        ),
        genres=_child(
            medium,
            "genres",
            "Which genres a title is of.",
            number("genre_id", required=True, comment="The genre: id of genres."),
            created_at(),
            unique(f"{one}_genres_unique_idx", parent, "genre_id"),
            index(f"{one}_genres_genre_id_idx", "genre_id"),
        ),
        videos=_child(
            medium,
            "videos",
            "Trailers and teasers, TMDB's; ids ascend in the order to show them.",
            indexed_text("site", required=True, comment="YouTube."),
            indexed_text("key", required=True, comment="The video's id there."),
            text("name", comment="Its name."),
            text("type", comment="Trailer or Teaser."),
            text("locale", comment="Its language: uk, en; NULL where TMDB says none."),
            flag("official", comment="Whether the makers published it."),
            timestamp("published_at", comment="When it was published, UTC."),
            updated_at(),
            created_at(),
            unique(f"{one}_videos_unique_idx", parent, "site", "key"),
            index(f"{one}_videos_site_idx", "site"),
        ),
        watch_providers=_child(
            medium,
            "watch_providers",
            "Where a title can be watched, by region; JustWatch's by way of TMDB.",
            indexed_text("region", required=True, comment="Country: UA, US."),
            number("provider_id", comment="TMDB's id of the provider."),
            indexed_text("provider_name", comment="Its name."),
            text("logo_path", comment="Path of its logo at TMDB."),
            text("link_url", comment="TMDB's page of all offers of the title in the region."),
            indexed_text("category", comment="How: flatrate, free, ads, rent or buy."),
            number("rank", comment="TMDB's order of display, ascending."),
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
            "The first 12 persons of the cast, TMDB's; ids ascend in their order.",
            number("person_id", comment="TMDB's id of the person."),
            text("name", comment="Name."),
            indexed_text("character", comment="The first role."),
            number("order", comment="Place in the cast, from 0."),
            text("profile_path", comment="Path of the portrait at TMDB."),
            updated_at(),
            created_at(),
            unique(f"{one}_cast_unique_idx", parent, "person_id", "character"),
            index(f"{one}_cast_person_id_idx", "person_id"),
        ),
        content_ratings=_child(
            medium,
            "content_ratings",
            "Age certifications by region, TMDB's.",
            indexed_text("region", required=True, comment="Country: UA, US."),
            text("rating", comment="The certification, in the words of that country."),
            updated_at(),
            created_at(),
            unique(f"{one}_content_ratings_unique_idx", parent, "region"),
            index(f"{one}_content_ratings_region_idx", "region"),
        ),
        related=_child(
            medium,
            "related",
            "Related titles that are linked, at most 12; ids ascend in their order.",
            number(related, required=True, comment=f"The related title: id of {medium.plural}."),
            indexed_text("source", comment="Whose list: trakt, else tmdb."),
            number("rank", comment="Place in the list, from 1."),
            double("score", comment="Not filled."),
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
    number("tmdb_id", required=True, comment="TMDB's id of the genre."),
    indexed_text("name_en", required=True, comment="English name."),
    text("name_uk", comment="Ukrainian name."),
    updated_at(),
    unique("genres_tmdb_id_uniq_idx", "tmdb_id"),
    index("genres_name_en_idx", "name_en"),
    comment="TMDB's genres, of both media.",
)

watch_providers_registry = Table(
    "watch_providers_registry",
    metadata,
    key(),
    number("tmdb_id", required=True, comment="TMDB's id of the provider."),
    indexed_text("name", required=True, comment="Its name."),
    text("logo_path", comment="Path of its logo at TMDB."),
    indexed_text("slug", comment="The name for URLs: lower case, - for what is not a-z0-9."),
    updated_at(),
    created_at(),
    unique("watch_providers_registry_tmdb_id_uniq_idx", "tmdb_id"),
    index("watch_providers_registry_name_idx", "name"),
    index("watch_providers_registry_slug_idx", "slug"),
    comment="All providers that were ever met.",
)

show_airings = Table(
    "show_airings",
    metadata,
    key(),
    number("show_id", comment="The show: id of shows."),
    number("tmdb_id", required=True, comment="TMDB's id of the show."),
    number("trakt_id", comment="Trakt's id of the show."),
    text("title", comment="The show's name."),
    text("episode_title", comment="The episode's name."),
    number("season", comment="Season; 0 are specials."),
    number("episode", comment="Number in the season."),
    indexed_text("air_date", comment="When it airs first: text, YYYY-MM-DDTHH:MM:SS.sssZ, UTC."),
    text("type", comment="episode, premiere or finale."),
    text("network", comment="Who airs it."),
    updated_at(),
    created_at(),
    unique("airings_tmdb_season_ep_idx", "tmdb_id", "season", "episode"),
    index("airings_air_date_idx", "air_date"),
    index("airings_show_id_idx", "show_id"),
    comment="The calendar: episodes of listed shows, Trakt's.",
)
