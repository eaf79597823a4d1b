"""What a database must say after a cycle: the expected facts of every trending entry, from the catalogue itself.

Made from titles and the world, never from payloads, and without the project's parsers: a second opinion on both.
Names are those of the database contract. `null` is what a column must hold when no source knows the value.

An entry of the trending list: `rank` (from 1), `watchers`, `trakt`, `slug`, `tmdb` (as Trakt claims it, None when it
names none), `oddities`, `skip` (None when eligible, else `no_tmdb_id`, `unknown_to_tmdb`, `listed_twice`, `anime`) and,
for the eligible, `facts`:

- `row`: the columns of the title's own row that come from the sources, with the ratings Trakt passes on; regions UA and
  US, locales uk-UA and en-US. `trending_score` counts the whole list as current.
- `after_omdb`: `rating_imdb`, `imdb_votes`, `rating_metacritic`, `primary_rating` once OMDb was asked as well; `omdb`
  is how it answers: `answer`, `na`, `not_found`, `invalid_json`, `no_imdb_id`, or `control_characters`, which a strict
  reader takes for invalid and a lenient one for an answer (`after_omdb` is what the lenient one has).
- `translations` {locale: {title, overview, tagline}}, `genres` [{id, name_en, name_uk}], `ratings` {avg, votes} or
  None, `buckets` {1..10: count} ({} when Trakt gave none), `providers`, `videos`, `cast`, `content_ratings`
  {region: rating}, `related` [{tmdb_id, source, rank, title}]: lists in their order.
- `monthly` {first of month: watchers} as the monthly lists tell; deltas follow from it and from the history.
"""

from datetime import UTC, date, datetime
from typing import Any

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sandbox import oddities
from ratingo_pipelines.sandbox.reference import CATEGORIES, GENRES
from ratingo_pipelines.sandbox.title import Title
from ratingo_pipelines.sandbox.world import World

REGIONS = ("UA", "US")
SHOWN = 12
_SMALLEST_SCALE = 10_000
_TRAILERS = ("Trailer", "Teaser")


def truth(medium: Medium, world: World, limit: int | None = None) -> list[dict[str, Any]]:
    """The first entries of the trending list (all of them by default), each with its facts or why it is skipped."""
    listed = world.trending(medium)[:limit]
    scale = max([_SMALLEST_SCALE, *(watchers for watchers, _ in listed)])
    seen: set[int] = set()
    entries = []
    for rank, (watchers, title) in enumerate(listed, 1):
        tmdb = title.trakt_tmdb if isinstance(title.trakt_tmdb, int) else None
        # A second claim on an id is a second listing, whatever Trakt calls it.
        known = world.catalogue.by_tmdb_id.get((medium, tmdb)) if tmdb is not None else None
        skip = "listed_twice" if tmdb in seen else _skip(title)
        if tmdb is not None:
            seen.add(tmdb)
        entry: dict[str, Any] = {
            "rank": rank,
            "watchers": watchers,
            "trakt": title.trakt_id,
            "slug": title.slug,
            "tmdb": tmdb,
            "oddities": sorted(title.oddities),
            "skip": skip,
        }
        if skip is None and known is not None:
            entry["facts"] = facts(known, world) | {"row": row(known, world) | _watched(known, world, watchers, scale)}
        entries.append(entry)
    return entries


def _skip(title: Title) -> str | None:
    return next((oddities.SKIPPED[name] for name in title.oddities if name in oddities.SKIPPED), None)


def _watched(title: Title, world: World, watchers: int, scale: int) -> dict[str, Any]:
    average = row(title, world)["rating_tmdb"] or 0
    return {
        "rating_trakt": watchers,
        "trending_score": round(0.4 * (average / 10 * 100) + 0.6 * min(watchers / scale * 100, 100), 2),
    }


def row(title: Title, world: World) -> dict[str, Any]:
    """The columns of the title's own row, but for what only the trending list tells."""
    votes = world.votes(title)
    voted = votes.tmdb if title.voted else None
    rated = title.imdb_id is not None and title.imdb_at_trakt and title.rated_at_trakt
    imdb = votes.imdb if rated else None
    uk_posters = [poster for poster in title.posters if poster.language == "uk"]
    best = max(uk_posters, key=lambda poster: poster.vote_average, default=None)
    columns: dict[str, Any] = {
        "tmdb_id": title.tmdb_id,
        "imdb_id": title.tmdb_imdb or title.trakt_imdb or None,
        "title": title.trakt_name or title.name,
        "title_uk": title.name_uk or None,
        "overview": title.overview or None,
        "overview_uk": title.overview_uk or None,
        "poster": title.poster_path,
        "poster_uk": best.path if best else None,
        "backdrop": title.backdrop_path,
        "tagline": title.tagline or None,
        "status": title.status,
        "content_rating": _content_ratings(title).get("UA"),
        "rating_tmdb": voted,
        "rating_tmdb_count": votes.tmdb_votes,
        "popularity_tmdb": votes.popularity,
        "rating_trakt_avg": votes.trakt,
        "rating_trakt_votes": votes.trakt_votes,
        "rating_imdb": imdb,
        "imdb_votes": votes.imdb_votes if rated else None,
        "rating_metacritic": title.metascore if title.metascore_at_trakt and title.rated_at_trakt else None,
        "primary_rating": next((rating for rating in (voted, votes.trakt, imdb) if rating is not None), None),
    }
    return columns | (_show_columns(title, world) if title.medium is SHOWS else _movie_columns(title))


def _movie_columns(title: Title) -> dict[str, Any]:
    return {"release_date": str(title.released) if title.released else None, "runtime": title.runtime or None}


def _show_columns(title: Title, world: World) -> dict[str, Any]:
    last, following = world.last_and_next(title)
    numbered = [season for season in title.seasons if season.number > 0]
    latest = max(numbered or title.seasons, key=lambda season: season.number)
    return {
        "first_air_date": str(title.released) if title.released else None,
        "number_of_seasons": len(numbered) if title.numbers else None,
        "number_of_episodes": sum(season.episodes for season in numbered) if title.numbers else None,
        "latest_season_number": latest.number,
        "latest_season_episodes": latest.episodes,
        "last_episode_season": last.season if last else None,
        "last_episode_number": last.number if last else None,
        "last_episode_air_date": str(last.airs) if last else None,
        "next_episode_season": following.season if following else None,
        "next_episode_number": following.number if following else None,
        "next_episode_air_date": str(following.airs) if following else None,
    }


def facts(title: Title, world: World) -> dict[str, Any]:
    """What the child tables must hold, and what OMDb adds."""
    votes = world.votes(title)
    genres = GENRES[title.medium]
    rated = votes.trakt is not None
    has_buckets = rated and title.rated_at_trakt
    return {
        "translations": _translations(title),
        "genres": [
            {"id": genre, "name_en": genres[genre][0], "name_uk": genres[genre][1]} for genre in title.genre_ids
        ],
        "ratings": {"avg": votes.trakt, "votes": votes.trakt_votes} if rated else None,
        "buckets": {bucket: votes.buckets.get(bucket, 0) for bucket in range(1, 11)} if has_buckets else {},
        "providers": _providers(title, world),
        "videos": _videos(title, world),
        "cast": _cast(title),
        "content_ratings": _content_ratings(title),
        "related": related(title, world),
        "omdb": title.omdb if title.imdb_id else "no_imdb_id",
        "after_omdb": _after_omdb(title, world),
        "monthly": _monthly(title, world),
    }


def _after_omdb(title: Title, world: World) -> dict[str, Any]:
    known = row(title, world)
    wanted = ("rating_imdb", "imdb_votes", "rating_metacritic", "primary_rating")
    if title.imdb_id is None or title.omdb not in ("answer", "control_characters"):
        return {name: known[name] for name in wanted}
    votes = world.votes(title)
    primary = votes.imdb if known["primary_rating"] is None else known["primary_rating"]
    return dict(zip(wanted, (votes.imdb, votes.imdb_votes, title.metascore, primary), strict=True))


def _translations(title: Title) -> dict[str, Any]:
    english = {"title": title.name, "overview": title.overview or None, "tagline": title.tagline or None}
    if title.name_uk is None:
        return {"en-US": english}
    ukrainian = {
        "title": title.name_uk or None,
        "overview": title.overview_uk or None,
        "tagline": title.tagline_uk or None,
    }
    return {"en-US": english, "uk-UA": ukrainian}


def _providers(title: Title, world: World) -> list[dict[str, Any]]:
    link = f"https://www.themoviedb.org/{title.medium.tmdb_path}/{title.tmdb_id}/watch?locale="
    return [
        {
            "region": region,
            "category": category,
            "provider_id": offer.provider_id,
            "provider_name": offer.name,
            "logo_path": offer.logo_path,
            "link_url": link + region if title.watch_links else None,
            "rank": offer.priority,
        }
        for region in REGIONS
        for category in CATEGORIES
        for offer in world.offers(title)
        if (offer.region, offer.category) == (region, category) and offer.name is not None
    ]


def _videos(title: Title, world: World) -> list[dict[str, Any]]:
    """In the order in which the site should play them."""
    languages, kinds = ("uk", "en", None), ("Trailer", "Teaser")
    found = [
        video
        for video in world.videos(title)
        if video.site == "YouTube" and video.type in kinds and video.language in languages
    ]
    # The newest first, and then, as sorting keeps what was in order, by what counts more.
    found.sort(key=lambda video: video.published_at or "", reverse=True)
    found.sort(key=lambda video: (languages.index(video.language), kinds.index(video.type), not video.official))
    return [
        {
            "site": video.site,
            "key": video.key,
            "name": video.name,
            "type": video.type,
            "locale": video.language,
            "official": video.official,
            "published_at": _naive(video.published_at),
        }
        for video in found
    ]


def _naive(instant: str | None) -> str | None:
    """UTC without a zone, as the database keeps it."""
    return datetime.fromisoformat(instant).astimezone(UTC).replace(tzinfo=None).isoformat() if instant else None


def _cast(title: Title) -> list[dict[str, Any]]:
    """The first persons, each once, with all roles; `order` and portrait are those of the person's first row."""
    people: dict[int, dict[str, Any]] = {}
    for credit in title.cast:
        person = people.setdefault(
            credit.person_id,
            {
                "person_id": credit.person_id,
                "name": credit.name,
                "roles": [],
                "order": credit.order,
                "profile_path": credit.profile_path,
            },
        )
        # Movies' credits have one role a row, shows' aggregated ones several.
        roles = credit.roles if title.medium is SHOWS else credit.roles[:1]
        person["roles"] += [role for role in roles if role and role not in person["roles"]]
    return [person | {"character": next(iter(person["roles"]), None)} for person in list(people.values())[:SHOWN]]


def _content_ratings(title: Title) -> dict[str, str]:
    found: dict[str, str] = {}
    for region, ratings in title.certifications:
        first = next((rating for rating in ratings if rating), None)
        if region in REGIONS and first is not None:
            found.setdefault(region, first)
    return found


def related(title: Title, world: World) -> list[dict[str, Any]]:
    """The related titles in their order: Trakt's where it relates any, else TMDB's recommendations."""
    listed = world.related(title)[:SHOWN]
    source = "trakt" if listed else "tmdb"
    found: dict[int, Title] = {}
    for one in listed or world.recommended(title)[:SHOWN]:
        number = one.trakt_tmdb if source == "trakt" else one.tmdb_id
        if isinstance(number, int):
            found.setdefault(number, one)
    return [
        {"tmdb_id": number, "source": source, "rank": rank, "title": one.trakt_name or one.name}
        for rank, (number, one) in enumerate(found.items(), 1)
    ]


def _monthly(title: Title, world: World) -> dict[str, int]:
    """Watchers of the last six complete months, where the lists know the title."""
    months: dict[str, int] = {}
    month = world.today.replace(day=1)
    for _ in range(6):
        month = date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
        listed = world.monthly(title.medium, month) or []
        months |= {str(month): watchers for watchers, one in listed if one is title}
    return dict(sorted(months.items()))
