"""The world on a day, in an epoch: who watches what, which votes and episodes there are. Pure.

An epoch is what time is to the sandbox: each one moves watchers, membership of the trending lists, votes, providers,
related titles and next episodes. Dates are counted from `today` (UTC).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox import dice, oddities
from ratingo_pipelines.sandbox.catalogue import Catalogue
from ratingo_pipelines.sandbox.past import Past
from ratingo_pipelines.sandbox.title import Offer, PlannedVideo, Title

MONTHLY_PAGE = 250
OLDEST_MONTH = date(2020, 1, 1)
RELATED = 14
RELATED_FOR = 10
"""Epochs for which related titles stay as they are: far slower than the rest."""


@dataclass(frozen=True)
class Votes:
    """Ratings at this moment; None where nobody gave any, or numbers come as null."""

    tmdb: float | None
    tmdb_votes: int | None
    popularity: float | None
    trakt: float | None
    trakt_votes: int | None
    buckets: dict[int, int]
    imdb: float
    imdb_votes: int


@dataclass(frozen=True)
class PlannedEpisode:
    """An episode of the running season and the day it airs."""

    season: int
    number: int
    airs: date
    last_of_season: bool


class World:
    """Everything that depends on the epoch and the day."""

    def __init__(self, catalogue: Catalogue, epoch: int, today: date, past: Past | None = None) -> None:
        self.catalogue = catalogue
        self.epoch = epoch
        self.today = today
        self.past = past or Past(today)
        self._votes: dict[tuple[str, int], Votes] = {}
        self._months: dict[tuple[Medium, date], list[tuple[int, Title]]] = {}

    def trending(self, medium: Medium) -> list[tuple[int, Title]]:
        """Who is being watched, by how many: Trakt's list, the most watched first."""
        return self._trending[medium]

    @cached_property
    def _trending(self) -> dict[Medium, list[tuple[int, Title]]]:
        return {medium: self._list(medium) for medium in MEDIA}

    def _list(self, medium: Medium) -> list[tuple[int, Title]]:
        watched = sorted(
            ((self._watchers(title), title) for title in self.catalogue.trending(medium) if self._trends(title)),
            key=lambda entry: (-entry[0], entry[1].index),
        )
        for watchers, title in [entry for entry in watched if entry[1].listed_twice]:
            # The list moved between the making of two pages: the title is met again further down.
            watched.insert(watched.index((watchers, title)) + 12, (watchers, title))
        if len(watched) > MONTHLY_PAGE:
            watched.insert(MONTHLY_PAGE + 1, watched[MONTHLY_PAGE - 2])
        return watched

    def trending_at_tmdb(self, medium: Medium) -> list[Title]:
        """TMDB's list: the titles it knows that are being watched, the most popular first."""
        return self._trending_at_tmdb[medium]

    @cached_property
    def _trending_at_tmdb(self) -> dict[Medium, list[Title]]:
        return {
            medium: sorted(
                (t for t in self.catalogue.trending(medium) if t.known_to_tmdb and self._trends(t)),
                key=lambda title: (-(self.votes(title).popularity or 0), title.index),
            )
            for medium in MEDIA
        }

    def _trends(self, title: Title) -> bool:
        """Odd titles and the top stay; of the others about one in eight is absent, and not always the same."""
        settled = title.oddities or title.index < oddities.FIRST_PLACE
        return bool(settled) or not dice.chance(0.12, *_key(title), "absent", (self.epoch + title.index) // 2)

    def _watchers(self, title: Title) -> int:
        # Shows exceed the 10,000 that the score's scale has at least; movies do not.
        popular = (15_400 if title.medium is SHOWS else 11_600) / (title.index + 1.4) ** 0.72
        risen = not title.oddities and title.index > 100 and dice.chance(0.012, *_key(title), "rises", self.epoch)
        # A stale claim on another title's id is always met after that title.
        popular *= 0.6 if title.trakt_tmdb not in (title.tmdb_id, None, "") else 1
        noise = 0.96 + 0.08 * dice.fraction(*_key(title), "watchers", self.epoch)
        return max(1, int((popular + 1_500 if risen else popular) * noise))

    def votes(self, title: Title) -> Votes:
        """Ratings and how many gave them; they grow with every epoch."""
        key = _key(title)
        if key not in self._votes:
            self._votes[key] = self._count(title)
        return self._votes[key]

    def _count(self, title: Title) -> Votes:
        key = _key(title)
        scale = 60_000 / (title.index + 3)
        grown = 1 + 0.02 * self.epoch
        trakt_votes = int(scale * (0.5 + dice.fraction(*key, "votes")) * grown) + 11
        buckets = _distribution(trakt_votes, key, title.missing_buckets)
        votes = sum(buckets.values())
        trakt = round(sum(bucket * count for bucket, count in buckets.items()) / votes, 5)
        tmdb = round(5.5 + 3.6 * dice.fraction(*key, "tmdb") + 0.01 * (self.epoch % 7), 3)
        tmdb_votes = int(scale * (0.3 + dice.fraction(*key, "tmdb votes")) * grown) + 3
        popularity = round(900 / (title.index + 2) * (0.8 + 0.4 * dice.fraction(*key, "popular", self.epoch)), 4)
        imdb = round(5.2 + 4 * dice.fraction(*key, "imdb"), 1)
        imdb_votes = int(scale * (3 + 9 * dice.fraction(*key, "imdb votes")) * grown) + 120
        if not title.numbers:
            return Votes(None, None, None, None, None, {}, imdb, imdb_votes)
        if not title.voted:
            tmdb, tmdb_votes = 0.0, 0
        return Votes(tmdb, tmdb_votes, popularity, trakt, votes, buckets, imdb, imdb_votes)

    def offers(self, title: Title) -> tuple[Offer, ...]:
        """Where the title can be watched."""
        return tuple(
            offer
            for offer in title.offers
            if not offer.moves or (self.epoch + offer.provider_id + title.index) % 2 == 0
        )

    def videos(self, title: Title) -> tuple[PlannedVideo, ...]:
        """The videos published so far."""
        return tuple(video for video in title.videos if video.since <= self.epoch)

    def last_and_next(self, title: Title) -> tuple[PlannedEpisode | None, PlannedEpisode | None]:
        """The last episode that aired and the next one, as TMDB tells them."""
        if title.medium is not SHOWS or not title.seasons:
            return None, None
        if not title.running:
            season = max(title.seasons, key=lambda one: one.number)
            ended = (title.released or date(2019, 5, 1)) + timedelta(days=365 * max(season.number, 1))
            return PlannedEpisode(
                season.number, season.episodes, min(ended, self.today - timedelta(days=40)), True
            ), None
        season = title.seasons[-1]
        aired = min(title.aired + self.epoch, season.episodes)
        return self._episode(title, aired), self._episode(title, aired + 1) if aired < season.episodes else None

    def calendar(self, start: date, days: int) -> list[tuple[PlannedEpisode, Title]]:
        """The episodes that air within a window of days, of whatever show, by day."""
        end = start + timedelta(days=days)
        return sorted(
            (
                (episode, title)
                for title in self.catalogue.titles[SHOWS]
                if title.running
                for number in range(1, title.seasons[-1].episodes + 1)
                if start <= (episode := self._episode(title, number)).airs < end
            ),
            key=lambda entry: (entry[0].airs, entry[1].index, entry[0].number),
        )

    def changed(self, medium: Medium, start: date, end: date) -> list[Title]:
        """The titles of which TMDB told otherwise from one day up to another; votes and providers are no change."""
        worlds = [World(self.catalogue, epoch, day) for epoch, day in self.past.moments(start, end)]

        def told(world: World, title: Title) -> object:
            return world.videos(title), world.last_and_next(title)

        known = (title for title in self.catalogue.titles[medium] if title.known_to_tmdb)
        return [t for t in known if any(told(a, t) != told(b, t) for a, b in pairwise(worlds))]

    def _episode(self, title: Title, number: int) -> PlannedEpisode:
        season = title.seasons[-1]
        aired = min(title.aired + self.epoch, season.episodes)
        weeks = number - aired - 1
        airs = self.today + timedelta(days=title.airs_in + 7 * weeks)
        if weeks < 0:
            # What has aired aired weekly up to yesterday at the latest, also before a longer break.
            airs = self.today + timedelta(days=title.airs_in % 7 + 7 * weeks)
        return PlannedEpisode(season.number, number, airs, number == season.episodes)

    def monthly(self, medium: Medium, month: date) -> list[tuple[int, Title]] | None:
        """The most watched of a complete calendar month, the same in every epoch; None for any other month."""
        if not OLDEST_MONTH <= month < self.today.replace(day=1):
            return None
        if (medium, month) not in self._months:
            self._months[medium, month] = self._most_watched(medium, month)
        return self._months[medium, month]

    def _most_watched(self, medium: Medium, month: date) -> list[tuple[int, Title]]:
        counted = [
            (self.watched_in(title, month), title) for title in self.catalogue.trending(medium) if title.watched_monthly
        ]
        return sorted(counted, key=lambda entry: (-entry[0], entry[1].index))[:MONTHLY_PAGE]

    def watched_in(self, title: Title, month: date) -> int:
        """How many watched the title in a month."""
        popular = 210_000 / (title.index + 1.4) ** 0.6
        return int(popular * (0.7 + 0.6 * dice.fraction(*_key(title), "month", month.year, month.month)))

    def related(self, title: Title) -> list[Title]:
        """What Trakt relates to the title, the closest first; may name titles without TMDB id, and one twice."""
        if not title.related_at_trakt:
            return []
        if title.related_to is not None:
            nameless = self.catalogue.odd("no_tmdb_id", title.medium)
            chosen = self._alike(title, "related", 6)
            return [nameless[0], *chosen[:3], nameless[1], chosen[1], *chosen[3:]]
        return self._alike(title, "related", RELATED)

    def recommended(self, title: Title) -> list[Title]:
        """What TMDB recommends."""
        return self._alike(title, "recommended", 20)

    def _alike(self, title: Title, kind: str, count: int) -> list[Title]:
        outside = self.catalogue.outside(title.medium)
        pool = outside if title.related_outside else self._sound[title.medium] + outside[:40]
        chosen = [one for one in dice.some(pool, count + 1, *_key(title), kind) if one is not title][:count]
        if dice.chance(0.2, *_key(title), "moves", kind):
            turn = self.epoch // RELATED_FOR % count
            return chosen[turn:] + chosen[:turn]
        return chosen

    @cached_property
    def _sound(self) -> dict[Medium, tuple[Title, ...]]:
        """The trending titles that every API knows by name, and that no filter keeps out."""
        out = {*oddities.SKIPPED, oddities.CLAIMED_TWICE, oddities.NAMELESS}
        return {
            medium: tuple(title for title in self.catalogue.trending(medium) if not title.oddities & out)
            for medium in MEDIA
        }


def _key(title: Title) -> tuple[str, int]:
    return title.medium.plural, title.index


def _distribution(votes: int, key: tuple[str, int], missing: tuple[int, ...]) -> dict[int, int]:
    """Votes spread over the ten buckets, most of them around a centre."""
    centre = 6 + 3.5 * dice.fraction(*key, "centre")
    weights = {bucket: 1 / (1 + (bucket - centre) ** 2) for bucket in range(1, 11) if bucket not in missing}
    total = sum(weights.values())
    return {bucket: int(votes * weight / total) for bucket, weight in weights.items()}
