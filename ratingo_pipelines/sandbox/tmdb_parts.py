"""What one call of TMDB appends: translations, offers, ratings, videos, credits, ids, recommendations, images."""

from collections.abc import Callable
from typing import Any

from ratingo_pipelines.media import MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox import dice
from ratingo_pipelines.sandbox.reference import CATEGORIES
from ratingo_pipelines.sandbox.title import Credit, PlannedVideo, Title
from ratingo_pipelines.sandbox.web import Asked
from ratingo_pipelines.sandbox.world import World

Part = Callable[[Title, Asked, World], dict[str, Any]]


def language_of(asked: Asked) -> str:
    """The language asked for, without its region."""
    return asked.query.get("language", "en-US").split("-")[0]


def texts_of(title: Title, language: str) -> tuple[str, str, str]:
    """Name, overview and tagline in a language; the original name and no texts where there is no translation."""
    if language == "en":
        return title.name, title.overview, title.tagline
    if language == "uk" and title.name_uk is not None:
        return title.name_uk or title.original_name, title.overview_uk, title.tagline_uk
    return title.original_name, "", ""


def _listed(asked: Asked, name: str) -> list[str]:
    return [part for part in asked.query.get(name, "").split(",") if part]


def _translations(title: Title, _: Asked, __: World) -> dict[str, Any]:
    name, is_movie = title.medium.tmdb_name, title.medium is MOVIES

    def entry(region: str, code: str, own: str, english: str, texts: tuple[str, str, str]) -> dict[str, Any]:
        data: dict[str, Any] = {"homepage": "", "overview": texts[1], "tagline": texts[2], name: texts[0]}
        if is_movie:
            data["runtime"] = title.runtime if code == "en" else 0
        return {"iso_3166_1": region, "iso_639_1": code, "name": own, "english_name": english, "data": data}

    entries = [
        entry("DE", "de", "Deutsch", "German", ("", "", "")),
        entry(
            "US",
            "en",
            "English",
            "English",
            (title.name if title.named_in_english else "", title.overview, title.tagline),
        ),
        entry("PL", "pl", "Polski", "Polish", (f"{title.name} (PL)", "", "")),
    ]
    if title.name_uk is not None:
        texts = (title.name_uk, title.overview_uk, title.tagline_uk)
        entries.append(entry("UA", "uk", "Український", "Ukrainian", texts))
    return {"translations": entries}


def _providers(title: Title, _: Asked, world: World) -> dict[str, Any]:
    results: dict[str, dict[str, Any]] = {}
    for offer in world.offers(title):
        link = f"https://www.themoviedb.org/{title.medium.tmdb_path}/{title.tmdb_id}/watch?locale={offer.region}"
        missing = "" if offer.region == "UA" else None
        region = results.setdefault(offer.region, {"link": link if title.watch_links else missing})
        region.setdefault(offer.category, []).append(
            {
                "logo_path": offer.logo_path,
                "provider_id": offer.provider_id,
                "provider_name": offer.name,
                "display_priority": offer.priority,
            }
        )
    ordered = {
        region: {key: value for key in ("link", *CATEGORIES) if (value := found.get(key, ...)) is not ...}
        for region, found in results.items()
    }
    return {"results": ordered}


def _content_ratings(title: Title, _: Asked, __: World) -> dict[str, Any]:
    return {
        "results": [
            {"descriptors": [], "iso_3166_1": region, "rating": rating}
            for region, ratings in title.certifications
            for rating in ratings
        ]
    }


def _release_dates(title: Title, _: Asked, __: World) -> dict[str, Any]:
    day = str(title.released) if title.released else "2024-01-01"
    return {
        "results": [
            {
                "iso_3166_1": region,
                "release_dates": [
                    {
                        "certification": certification,
                        "descriptors": [],
                        "iso_639_1": "",
                        "note": "",
                        "release_date": f"{day}T00:00:00.000Z",
                        "type": 3 + place % 3,
                    }
                    for place, certification in enumerate(certifications)
                ],
            }
            for region, certifications in title.certifications
        ]
    }


def _videos(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    wanted = {language_of(asked), *_listed(asked, "include_video_language")}
    return {"results": [_video(title, video) for video in world.videos(title) if (video.language or "null") in wanted]}


def _video(title: Title, video: PlannedVideo) -> dict[str, Any]:
    return {
        "iso_639_1": video.language,
        "iso_3166_1": {"uk": "UA", "en": "US", "de": "DE"}.get(video.language or ""),
        "name": video.name,
        "key": video.key,
        "site": video.site,
        "size": 1080,
        "type": video.type,
        "official": video.official,
        "published_at": video.published_at,
        "id": dice.word(24, title.trakt_id, video.key),
    }


def _person(credit: Credit) -> dict[str, Any]:
    return {
        "adult": False,
        "gender": 1 + credit.person_id % 2,
        "id": credit.person_id,
        "known_for_department": "Acting",
        "name": credit.name,
        "original_name": credit.name,
        "popularity": 1.5,
        "profile_path": credit.profile_path,
    }


def _credits(title: Title, _: Asked, __: World) -> dict[str, Any]:
    cast = [
        _person(credit)
        | {
            "cast_id": place + 1,
            "character": credit.roles[0],
            "credit_id": dice.word(24, title.trakt_id, place),
            "order": credit.order,
        }
        for place, credit in enumerate(title.cast)
    ]
    crew = _person(title.cast[-1]) | {
        "credit_id": dice.word(24, title.trakt_id, "crew"),
        "department": "Directing",
        "job": "Director",
    }
    return {"cast": cast, "crew": [crew]}


def _aggregate_credits(title: Title, _: Asked, __: World) -> dict[str, Any]:
    cast = [
        _person(credit)
        | {
            "roles": [
                {"credit_id": dice.word(24, title.trakt_id, place, role), "character": role, "episode_count": 9}
                for role in credit.roles
            ],
            "total_episode_count": 40 - place,
            "order": credit.order,
        }
        for place, credit in enumerate(title.cast)
    ]
    crew = _person(title.cast[-1]) | {
        "jobs": [{"credit_id": dice.word(24, title.trakt_id, "crew"), "job": "Producer", "episode_count": 9}],
        "department": "Production",
        "total_episode_count": 9,
    }
    return {"cast": cast, "crew": [crew]}


def _external_ids(title: Title, _: Asked, __: World) -> dict[str, Any]:
    shared = dict.fromkeys(("wikidata_id", "facebook_id", "instagram_id", "twitter_id"))
    if title.medium is MOVIES:
        return {"imdb_id": title.tmdb_imdb} | shared
    return {
        "imdb_id": title.tmdb_imdb,
        "freebase_mid": None,
        "freebase_id": None,
        "tvdb_id": title.tvdb_id,
        "tvrage_id": None,
    } | shared


def summary(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    """A title as lists of TMDB show it."""
    name, overview, _ = texts_of(title, language_of(asked))
    votes = world.votes(title)
    return {
        "adult": False,
        "softcore": False,
        "backdrop_path": title.backdrop_path,
        "id": title.tmdb_id,
        title.medium.tmdb_name: name,
        f"original_{title.medium.tmdb_name}": title.original_name,
        "overview": overview,
        "poster_path": title.poster_path,
        "media_type": title.medium.tmdb_path,
        "original_language": title.original_language,
        "genre_ids": list(title.genre_ids),
        "popularity": votes.popularity,
        title.medium.tmdb_released: str(title.released) if title.released else "",
        "vote_average": votes.tmdb,
        "vote_count": votes.tmdb_votes,
    } | ({"video": False} if title.medium is MOVIES else {"origin_country": ["US"]})


def _recommendations(title: Title, asked: Asked, world: World) -> dict[str, Any]:
    results = [summary(one, asked, world) for one in world.recommended(title)]
    return {"page": 1, "results": results, "total_pages": 2, "total_results": 40}


def _images(title: Title, asked: Asked, _: World) -> dict[str, Any]:
    # Without a list of its own the request's language counts; without either every image comes.
    languages = _listed(asked, "include_image_language") or [tag.split("-")[0] for tag in _listed(asked, "language")]

    def image(path: str, language: str | None, size: tuple[int, int], liked: tuple[float, int]) -> dict[str, Any]:
        return {
            "aspect_ratio": round(size[0] / size[1], 3),
            "height": size[1],
            "iso_3166_1": {"uk": "UA", "en": "US", "pl": "PL"}.get(language or ""),
            "iso_639_1": language,
            "file_path": path,
            "vote_average": liked[0],
            "vote_count": liked[1],
            "width": size[0],
        }

    def shown(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [one for one in images if not languages or (one["iso_639_1"] or "null") in languages]

    posters = [image(one.path, one.language, (2000, 3000), (one.vote_average, one.vote_count)) for one in title.posters]
    backdrops = [image(title.backdrop_path, None, (3840, 2160), (5.2, 4))] if title.backdrop_path else []
    logos = [image(f"/{dice.word(26, title.trakt_id, 'logo')}.png", "en", (900, 300), (0.0, 0))]
    return {"backdrops": shown(backdrops), "logos": shown(logos), "posters": shown(posters)}


_SHARED: dict[str, Part] = {
    "translations": _translations,
    "watch/providers": _providers,
    "videos": _videos,
    "external_ids": _external_ids,
    "recommendations": _recommendations,
    "images": _images,
}
_OWN: dict[Medium, dict[str, Part]] = {
    SHOWS: {"content_ratings": _content_ratings, "aggregate_credits": _aggregate_credits, "credits": _credits},
    MOVIES: {"release_dates": _release_dates, "credits": _credits},
}


def parts_of(medium: Medium) -> dict[str, Part]:
    """What can be appended to a title of the medium, by name."""
    return _SHARED | _OWN[medium]
