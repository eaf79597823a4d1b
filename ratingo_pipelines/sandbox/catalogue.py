"""The catalogue: every title there is, generated from words and draws. Always the same; no clock, no network.

The first titles of a medium trend (which of them, and in what order, world.py tells for an epoch); the last
`OUTSIDE` never do and are met only as related ones. `ODDITIES` names what is odd, and which titles are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property
from itertools import count, islice

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox import dice, names, oddities, words
from ratingo_pipelines.sandbox.reference import ANIMATION, GENRES, OFFERED, PROVIDERS
from ratingo_pipelines.sandbox.title import Credit, Offer, PlannedSeason, PlannedVideo, Poster, Title

SIZE = 420
"""Titles a medium unless asked for more."""
OUTSIDE = 120
LARGEST = 12_000
"""The words are good for some 1,700 titles a medium; further ones are their sequels."""

_FIRST_TMDB_ID = {SHOWS: 210_000, MOVIES: 910_000}
_FIRST_IMDB_ID = {SHOWS: 31_000_000, MOVIES: 12_000_000}
_CERTIFICATIONS = {
    SHOWS: (("12+", "TV-PG"), ("16+", "TV-14"), ("18+", "TV-MA"), ("0+", "TV-G")),
    MOVIES: (("12+", "PG"), ("16+", "R"), ("18+", "R"), ("0+", "G"), ("12+", "PG-13")),
}


@dataclass(frozen=True)
class Catalogue:
    """All titles by medium, in the order of their index, and the ways to find one."""

    titles: dict[Medium, tuple[Title, ...]]

    def trending(self, medium: Medium) -> tuple[Title, ...]:
        """The titles that may trend."""
        return self.titles[medium][:-OUTSIDE]

    def outside(self, medium: Medium) -> tuple[Title, ...]:
        """The titles that never trend."""
        return self.titles[medium][-OUTSIDE:]

    def odd(self, name: str, medium: Medium) -> tuple[Title, ...]:
        """The titles that show an oddity, by index."""
        return tuple(title for title in self.titles[medium] if name in title.oddities)

    @cached_property
    def by_tmdb_id(self) -> dict[tuple[Medium, int], Title]:
        """The titles TMDB knows, under its own ids."""
        return {
            (medium, title.tmdb_id): title for medium in MEDIA for title in self.titles[medium] if title.known_to_tmdb
        }


@cache
def catalogue(size: int = SIZE) -> Catalogue:
    """Generate the catalogue with so many titles a medium; the oddities are the same in every size.

    Raises `ValueError` for a size that it cannot have.
    """
    if not SIZE <= size <= LARGEST:
        raise ValueError(f"a catalogue has {SIZE} to {LARGEST} titles a medium, not {size}")
    return Catalogue({medium: tuple(_titles(medium, size)) for medium in MEDIA})


def _titles(medium: Medium, size: int) -> Iterator[Title]:
    odd = oddities.places(medium)
    claimed: int | None = None
    for index, (name_uk, name) in enumerate(islice(_names(medium), size)):
        title = _plain(medium, index, name_uk, name)
        if index in odd:
            oddity, nth = odd[index]
            title = replace(oddity.edits[nth](title), oddities=frozenset({oddity.name}))
            if oddity.name == oddities.CLAIMED_TWICE:
                # The second of Trakt's two titles names the id of the first.
                title = title if claimed is None else replace(title, trakt_tmdb=claimed)
                claimed = title.tmdb_id
        yield title


def _names(medium: Medium) -> Iterator[tuple[str, str]]:
    """Pairs of a Ukrainian and an English name: the handwritten ones, then composed ones, none twice."""
    written = names.SHOW_TITLES if medium is SHOWS else names.MOVIE_TITLES
    yield from written
    taken = {ukrainian for ukrainian, _ in written}
    composed = [
        (f"{adjective[form].capitalize()} {noun}", f"{adjective[4]} {english}")
        for adjective in words.ADJECTIVES
        for form, noun, english in words.NOUNS
    ] + [
        (f"{head} {of}", f"{english} {of_english}")
        for head, english in words.HEADS
        for of, of_english in words.GENITIVES
    ]
    new = [pair for pair in dice.some(composed, len(composed), medium.plural, "names") if pair[0] not in taken]
    yield from new
    for part in count(2):
        yield from ((f"{ukrainian} {part}", f"{english} {part}") for ukrainian, english in new)


def _plain(medium: Medium, index: int, name_uk: str, name: str) -> Title:
    """A title without any oddity."""
    key = (medium.plural, index)
    year = dice.between(2012 if medium is SHOWS else 2021, 2026, *key, "year")
    hero, journey, goal, turn, close, tagline = (
        dice.pick(choices, *key, part)
        for part, choices in enumerate(
            (words.HEROES, words.JOURNEYS, words.GOALS, words.TURNS, words.CLOSES, words.TAGLINES)
        )
    )
    tmdb_id = _FIRST_TMDB_ID[medium] + index * 7 + dice.between(0, 6, *key, "tmdb")
    imdb_id = f"tt{_FIRST_IMDB_ID[medium] + index * 11}"
    original = dice.pick(("en", "en", "en", "pl", "de", "uk"), *key, "language")
    seasons, status = _seasons(key) if medium is SHOWS else ((), "Released")
    genre_ids = tuple(
        dice.some([number for number in GENRES[medium] if number != ANIMATION], 2 + index % 2, *key, "genres")
    )
    is_movie = medium is MOVIES
    return Title(
        medium=medium,
        index=index,
        trakt_id=1_001 + index,
        slug="-".join("".join(c if c.isalnum() else " " for c in name.lower()).split()) + f"-{year}",
        tvdb_id=400_000 + index,
        tmdb_id=tmdb_id,
        trakt_tmdb=tmdb_id,
        trakt_imdb=imdb_id,
        tmdb_imdb=imdb_id,
        imdb_id=imdb_id,
        trakt_name=name,
        name=name,
        name_uk=name_uk,
        overview=f"{hero[1]} {journey[1]} {goal[1]}. {turn[1]} {close[1]}",
        overview_uk=f"{hero[0]} {journey[0]}, {goal[0]}. {turn[0]} {close[0]}",
        tagline=tagline[1],
        tagline_uk=tagline[0],
        original_language=original,
        genre_ids=(*genre_ids, ANIMATION) if is_movie and index % 17 == 3 else genre_ids,
        year=year,
        released=date(year, 1, 1) + timedelta(days=dice.between(0, 300, *key, "day")),
        runtime=dice.between(84, 168, *key, "runtime") if is_movie else dice.between(22, 62, *key, "runtime"),
        status=status,
        network=dice.pick(words.NETWORKS, *key, "network"),
        poster_path=f"/{dice.word(26, *key, 'poster')}.jpg",
        backdrop_path=f"/{dice.word(26, *key, 'backdrop')}.jpg",
        posters=_posters(key),
        videos=tuple(_videos(key)),
        cast=tuple(_cast(key)),
        offers=tuple(_offers(key)),
        watch_links=True,
        certifications=_certifications(medium, key),
        seasons=seasons,
        aired=dice.between(1, max(1, seasons[-1].episodes - 6), *key, "aired") if seasons else 0,
        airs_in=dice.between(0, 6, *key, "airs")
        if dice.chance(0.8, *key, "soon")
        else dice.between(8, 27, *key, "airs"),
        metascore=dice.between(38, 94, *key, "meta")
        if dice.chance(0.7 if is_movie else 0.2, *key, "metascore")
        else None,
        imdb_at_trakt=dice.chance(0.75, *key, "imdb"),
        metascore_at_trakt=dice.chance(0.7, *key, "metascore at Trakt"),
        watched_monthly=dice.chance(0.9, *key, "monthly"),
    )


def _seasons(key: tuple[str, int]) -> tuple[tuple[PlannedSeason, ...], str]:
    count = dice.between(1, 7, *key, "seasons")
    seasons = [PlannedSeason(number, dice.between(8, 22, *key, "episodes", number)) for number in range(1, count + 1)]
    if dice.chance(0.4, *key, "specials"):
        seasons.insert(0, PlannedSeason(0, dice.between(1, 9, *key, "specials")))
    return tuple(seasons), "Returning Series" if dice.chance(0.75, *key, "status") else "Ended"


def _posters(key: tuple[str, int]) -> tuple[Poster, ...]:
    languages = ("en", "uk", None, "uk", "pl", "uk") if dice.chance(0.8, *key, "uk poster") else ("en", None, "pl")
    return tuple(
        Poster(
            f"/{dice.word(26, *key, 'poster', place)}.jpg",
            language,
            # Different for each place, so that the best one is beyond dispute.
            round(1 + dice.between(0, 80, *key, "liked", place) / 10 + place / 1000, 3),
            dice.between(1, 40, *key, "liking", place),
        )
        for place, language in enumerate(languages)
    )


def _videos(key: tuple[str, int]) -> Iterator[PlannedVideo]:
    for place in range(dice.between(2, 6, *key, "videos")):
        language = dice.pick(("uk", "en", "en", "de", "uk"), *key, "video", place)
        published = dice.between(2019, 2025, *key, "on", place)
        site = "Vimeo" if dice.chance(0.08, *key, "site", place) else "YouTube"
        kind = dice.pick(("Trailer", "Trailer", "Teaser", "Featurette", "Clip"), *key, "kind", place)
        yield PlannedVideo(
            key=dice.word(11, *key, "video", place),
            name={"uk": "Офіційний трейлер", "de": "Offizieller Trailer"}.get(language, "Official Trailer")
            + f" {place + 1}",
            site=site,
            type=kind,
            language=language,
            official=dice.chance(0.8, *key, "official", place),
            published_at=f"{published}-0{place + 1}-1{place}T1{place}:00:0{place}.000Z",
            since=1 if place == 1 and dice.chance(0.2, *key, "new video") else 0,
        )


def _cast(key: tuple[str, int]) -> Iterator[Credit]:
    people = dice.some(range(len(words.FIRST_NAMES) * len(words.LAST_NAMES)), dice.between(9, 22, *key, "cast"), *key)
    for place, person in enumerate(people):
        first, last = divmod(person, len(words.LAST_NAMES))
        role = f"{dice.pick(words.FIRST_NAMES, *key, 'role', place)} {dice.pick(words.LAST_NAMES, *key, 'role', place)}"
        more = (f"{role.split(maxsplit=1)[0]} (young)",) if key[0] == "shows" and place % 5 == 2 else ()
        yield Credit(
            person_id=50_000 + person,
            name=f"{words.FIRST_NAMES[first]} {words.LAST_NAMES[last]}",
            roles=(role, *more),
            # Aggregated credits of shows are listed by the number of episodes, not by `order`.
            order=place if key[0] == "movies" else dice.between(0, 600, *key, "order", place),
            profile_path=f"/{dice.word(26, 'person', person)}.jpg",
        )


def _offers(key: tuple[str, int]) -> Iterator[Offer]:
    for region, categories in OFFERED.items():
        for category, providers in categories.items():
            chosen = dice.some(providers, dice.between(0, 2, *key, region, category), *key, region, category)
            for provider, priority in chosen:
                moves = dice.chance(0.15, *key, region, category, provider)
                yield Offer(region, category, provider, *PROVIDERS[provider], priority, moves)


def _certifications(medium: Medium, key: tuple[str, int]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    here, there = dice.pick(_CERTIFICATIONS[medium], *key, "certification")
    known = (("DE", ("16",)), ("UA", (here,)), ("US", (there,)), ("FR", ("12",)))
    return tuple(one for one in known if one[0] != "UA" or dice.chance(0.85, *key, "certified"))


ODDITIES: dict[str, dict[str, tuple[int, ...]]] = {
    oddity.name: {
        medium.plural: tuple(title.trakt_id for title in catalogue().odd(oddity.name, medium))
        for medium in oddity.media
    }
    for oddity in oddities.ODDITIES
}
"""Trakt's ids of the titles that show an oddity: `ODDITIES["no_tmdb_id"]["shows"]`; what each is, oddities.py tells."""
