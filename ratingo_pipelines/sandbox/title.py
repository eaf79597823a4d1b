"""What the catalogue knows of a title, whatever the day: plain data, from which payloads and truth are both made."""

from dataclasses import dataclass
from datetime import date

from ratingo_pipelines.media import Medium


@dataclass(frozen=True)
class Credit:
    """A row of the cast, in the order TMDB lists them; `order` is TMDB's own number, not the place in the list."""

    person_id: int
    name: str
    roles: tuple[str, ...]
    order: int
    profile_path: str | None


@dataclass(frozen=True)
class PlannedVideo:
    """A video; `language` is None for one without language. From `since` on, counted in epochs, it is listed."""

    key: str
    name: str
    site: str
    type: str
    language: str | None
    official: bool
    published_at: str | None
    since: int = 0


@dataclass(frozen=True)
class Offer:
    """Where a title can be watched. One that `moves` is listed in every other epoch only."""

    region: str
    category: str
    provider_id: int
    name: str | None
    logo_path: str | None
    priority: int
    moves: bool = False


@dataclass(frozen=True)
class Poster:
    """An image; the best one of a language is the one with the most approving votes."""

    path: str
    language: str | None
    vote_average: float
    vote_count: int


@dataclass(frozen=True)
class PlannedSeason:
    """A season as TMDB counts it; specials are number 0."""

    number: int
    episodes: int


@dataclass(frozen=True)
class Title:
    """A show or a movie. What depends on the epoch or the day is computed from this in world.py."""

    medium: Medium
    index: int
    """Place in the catalogue; the most watched come first."""
    trakt_id: int
    slug: str
    tvdb_id: int
    tmdb_id: int
    trakt_tmdb: int | str | None
    """TMDB's id as Trakt names it: may be missing, empty, or another title's."""
    trakt_imdb: str | None
    tmdb_imdb: str | None
    imdb_id: str | None
    """The true one, under which OMDb answers."""

    trakt_name: str | None
    name: str
    name_uk: str | None
    """None without a Ukrainian translation; "" where the translation has no name."""
    overview: str
    overview_uk: str
    tagline: str
    tagline_uk: str
    original_language: str
    genre_ids: tuple[int, ...]
    year: int | None
    released: date | None
    runtime: int
    status: str
    network: str

    poster_path: str | None
    backdrop_path: str | None
    posters: tuple[Poster, ...]
    videos: tuple[PlannedVideo, ...]
    cast: tuple[Credit, ...]
    offers: tuple[Offer, ...]
    watch_links: bool
    certifications: tuple[tuple[str, tuple[str, ...]], ...]
    """Region and its certifications in the order listed; "" where a release has none."""

    seasons: tuple[PlannedSeason, ...] = ()
    aired: int = 0
    """Episodes of the last season that were out in epoch 0."""
    airs_in: int = 0
    """Days from today to the next episode."""

    named_in_english: bool = True
    """False: the name in TMDB's English translation is "", as it is the original one."""
    voted: bool = True
    numbers: bool = True
    """False: votes and counts come as null."""
    metascore: int | None = None
    imdb_at_trakt: bool = True
    metascore_at_trakt: bool = True
    omdb: str = "answer"
    """What OMDb says: `answer`, `na`, `not_found`, `invalid_json`, `control_characters`."""
    known_to_tmdb: bool = True
    rated_at_trakt: bool = True
    missing_buckets: tuple[int, ...] = ()
    watched_monthly: bool = True
    related_at_trakt: bool = True
    related_outside: bool = False
    """Related titles are ones that never trend."""
    related_to: tuple[int, ...] | None = None
    """Indexes of the related titles, where they are given rather than drawn."""
    listed_twice: bool = False
    oddities: frozenset[str] = frozenset()

    @property
    def original_name(self) -> str:
        """The name in the language it was made in."""
        return self.name_uk or self.name if self.original_language == "uk" else self.name

    @property
    def running(self) -> bool:
        """Whether more episodes may come."""
        return self.status == "Returning Series"
