"""What upstream answers surprise with, each by name: which titles show it is settled here, and only here.

Every oddity belongs to titles near the top of the trending lists, so that the first hundred show them all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.reference import ANIMATION, OFFERED, PROVIDERS
from ratingo_pipelines.sandbox.title import Offer, PlannedSeason, PlannedVideo, Title

Edit = Callable[[Title], Title]


@dataclass(frozen=True)
class Oddity:
    """A surprise: its name, what it is, and how each title that shows it differs from a plain one."""

    name: str
    about: str
    edits: tuple[Edit, ...]
    media: tuple[Medium, ...] = MEDIA


SHARED_TMDB_ID = 777_001
"""TMDB's id of both a show and a movie."""


def _with(**changes: object) -> Edit:
    return lambda title: replace(title, **changes)  # type: ignore[arg-type]


def _without_offers_here(title: Title) -> Title:
    return replace(title, offers=tuple(offer for offer in title.offers if offer.region not in ("UA", "US")))


def _nameless_provider(title: Title) -> Title:
    nameless = Offer("UA", "flatrate", 9_999, None, "/nameless.jpg", 1)
    return replace(title, offers=(nameless, Offer("UA", "flatrate", 8, *PROVIDERS[8], 0), *title.offers[2:]))


def _shown_everywhere(title: Title) -> Title:
    return replace(
        title,
        offers=tuple(
            Offer(region, category, provider, *PROVIDERS[provider], priority)
            for region, categories in OFFERED.items()
            for category, providers in categories.items()
            for provider, priority in providers
        ),
    )


def _cast_twice(title: Title) -> Title:
    first, second, *rest = title.cast
    again = replace(first, roles=("Second face",), order=first.order + 3)
    return replace(title, cast=(first, second, again, *rest[:2], replace(second, order=40), *rest[2:]))


def _cast_without_roles(title: Title) -> Title:
    first, second, *rest = title.cast
    return replace(title, cast=(replace(first, roles=("",)), replace(second, profile_path=None), *rest))


def _only_clips(title: Title) -> Title:
    return replace(title, videos=tuple(replace(video, type="Featurette") for video in title.videos[:2]))


def _languageless(title: Title) -> Title:
    neutral = PlannedVideo(f"{title.trakt_id}-neutral"[:11], "Trailer", "YouTube", "Trailer", None, True, None)
    return replace(title, videos=(neutral, *(replace(video, language=None) for video in title.videos[:1])))


def _html(title: Title) -> Title:
    name = f"<b>{title.name}</b> & <script>alert('1')</script>"
    return replace(title, name=name, trakt_name=name, name_uk=f"<i>{title.name_uk}</i> &amp; “лапки” \\ '")


def _emoji(title: Title) -> Title:
    return replace(
        title, name=f"{title.name} 🎬👩‍🚀", trakt_name=f"{title.name} 🎬👩‍🚀", name_uk=f"{title.name_uk} 🌻🇺🇦"
    )


def _anime_in_ukrainian(title: Title) -> Title:
    return replace(title, name_uk="Опівнічний клуб (аніме)")


def _second_certification(title: Title) -> Title:
    return replace(title, certifications=(("UA", ("", "16+", "18+")), ("US", ("", "R")), ("DE", ("16",))))


def _empty_certification(title: Title) -> Title:
    return replace(title, certifications=(("UA", ("",)), ("MX", ("B-15",)), ("MX", ("C",))))


def _no_dates(title: Title) -> Title:
    return replace(title, released=None, year=None)


def _many_specials(title: Title) -> Title:
    seasons = (PlannedSeason(1, 8), PlannedSeason(2, 10), PlannedSeason(0, 120))
    return replace(title, seasons=seasons, aired=seasons[1].episodes, status="Ended")


ODDITIES: tuple[Oddity, ...] = (
    Oddity(
        "no_tmdb_id", "Trakt knows no TMDB id: null, or an empty string", (_with(trakt_tmdb=None), _with(trakt_tmdb=""))
    ),
    Oddity("listed_twice", "the title is in the trending list twice", (_with(listed_twice=True),)),
    Oddity(
        "tmdb_id_claimed_twice",
        "two titles of Trakt claim one TMDB id (the second is the stale one)",
        (lambda title: title, lambda title: title),
    ),
    Oddity("unknown_to_tmdb", "TMDB answers 404 for the id Trakt names", (_with(known_to_tmdb=False),) * 2),
    Oddity(
        "no_imdb_id",
        "nobody knows an IMDb id",
        (_with(imdb_id=None, trakt_imdb=None, tmdb_imdb=None), _with(imdb_id=None, trakt_imdb="", tmdb_imdb="")),
    ),
    Oddity("imdb_id_only_at_tmdb", "Trakt does not know the IMDb id, TMDB does", (_with(trakt_imdb=""),)),
    Oddity("imdb_id_only_at_trakt", "TMDB does not know the IMDb id, Trakt does", (_with(tmdb_imdb=None),)),
    Oddity(
        "no_ukrainian_translation",
        "TMDB has no Ukrainian translation",
        (_with(name_uk=None, overview_uk="", tagline_uk=""),) * 2,
    ),
    Oddity("empty_ukrainian_name", "the Ukrainian translation has texts, but its name is empty", (_with(name_uk=""),)),
    Oddity(
        "empty_english_name",
        "the English translation's name is empty: it is the original one",
        (_with(named_in_english=False, original_language="en"),),
    ),
    Oddity("no_trakt_name", "Trakt names no title", (_with(trakt_name=None),)),
    Oddity("no_overview", "nobody describes the title", (_with(overview="", tagline=""),)),
    Oddity("no_providers", "offered nowhere", (_with(offers=()),)),
    Oddity("providers_elsewhere", "offered, but neither in Ukraine nor in the United States", (_without_offers_here,)),
    Oddity("nameless_provider", "a provider's name is null", (_nameless_provider,)),
    Oddity("all_categories", "offered in every category, some providers in several", (_shown_everywhere,)),
    Oddity("no_watch_link", "the link to the offers is null or empty", (_with(watch_links=False),)),
    Oddity(
        "omdb_na",
        "OMDb knows the title, and answers N/A",
        (_with(omdb="na", imdb_at_trakt=False, metascore_at_trakt=False),) * 2,
    ),
    Oddity(
        "omdb_not_found",
        "OMDb does not know the IMDb id",
        (_with(omdb="not_found", imdb_at_trakt=False, metascore_at_trakt=False),),
    ),
    Oddity(
        "omdb_invalid_json",
        "OMDb's body is no JSON: unescaped quotes, bad escapes",
        (_with(omdb="invalid_json", imdb_at_trakt=False, metascore_at_trakt=False),) * 2,
    ),
    Oddity(
        "omdb_control_characters",
        "OMDb's body has raw control characters, which JSON forbids; a lenient reader can still read it",
        (_with(omdb="control_characters", imdb_at_trakt=False, metascore_at_trakt=False, metascore=64),),
    ),
    Oddity(
        "imdb_only_at_omdb",
        "Trakt's ratings lack IMDb's and Metacritic's; OMDb has them",
        (_with(imdb_at_trakt=False, metascore_at_trakt=False, metascore=71),) * 2,
    ),
    Oddity("ratings_missing_at_trakt", "Trakt answers 404 for the ratings", (_with(rated_at_trakt=False),)),
    Oddity("missing_buckets", "Trakt's distribution lacks the buckets nobody chose", (_with(missing_buckets=(2, 3)),)),
    Oddity("not_watched_monthly", "in no monthly list", (_with(watched_monthly=False),)),
    Oddity("no_votes", "nobody voted at TMDB: the average is 0", (_with(voted=False),)),
    Oddity("null_numbers", "votes, popularity and counts are null", (_with(numbers=False),)),
    Oddity("empty_dates", "the date is an empty string", (_no_dates,)),
    Oddity("no_runtime", "the runtime is 0", (_with(runtime=0),)),
    Oddity("no_images", "no poster and no backdrop", (_with(poster_path=None, backdrop_path=None, posters=()),)),
    Oddity("duplicate_cast", "a person has several rows in the cast", (_cast_twice,)),
    Oddity("cast_without_roles", "a role is empty, a portrait is null", (_cast_without_roles,)),
    Oddity("no_trailers", "videos, but neither trailer nor teaser", (_only_clips,)),
    Oddity("no_videos", "no videos at all", (_with(videos=()),)),
    Oddity("neutral_trailers", "trailers without language, published nobody knows when", (_languageless,)),
    Oddity("no_related", "Trakt relates nothing: TMDB's recommendations step in", (_with(related_at_trakt=False),) * 2),
    Oddity("related_stubs", "related titles are ones that never trend", (_with(related_outside=True),) * 2),
    Oddity("related_oddly", "related titles without TMDB id, and the same one twice", (_with(related_to=()),)),
    Oddity("html_in_title", "titles with tags, quotes and a backslash", (_html,)),
    Oddity("emoji_in_title", "titles beyond the basic plane", (_emoji,)),
    Oddity(
        "shared_tmdb_id",
        "the TMDB id belongs to a show and to a movie",
        (_with(tmdb_id=SHARED_TMDB_ID, trakt_tmdb=SHARED_TMDB_ID),),
    ),
    Oddity(
        "second_certification",
        "the first release has no certification, a later one does",
        (_second_certification,),
        (MOVIES,),
    ),
    Oddity("empty_certification", "Ukraine's certification is empty", (_empty_certification,)),
    Oddity("ended", "no next episode, for ever", (_with(status="Ended"),) * 2, (SHOWS,)),
    Oddity(
        "only_specials",
        "season 0 is the only season",
        (_with(seasons=(PlannedSeason(0, 3),), aired=3, status="Ended"),),
        (SHOWS,),
    ),
    Oddity("many_specials", "season 0 is listed last and is the largest", (_many_specials,), (SHOWS,)),
    Oddity(
        "anime_by_trakt_title",
        "anime by its title at Trakt",
        (_with(name="Midnight Anime Club", trakt_name="Midnight Anime Club"),),
        (SHOWS,),
    ),
    Oddity("anime_by_ukrainian_title", "anime by its Ukrainian title only", (_anime_in_ukrainian,), (SHOWS,)),
    Oddity("anime_by_genre", "anime by TMDB's genre only", (_with(genre_ids=(ANIMATION, 10765)),) * 2, (SHOWS,)),
)

SKIPPED = {
    "no_tmdb_id": "no_tmdb_id",
    "unknown_to_tmdb": "unknown_to_tmdb",
    "anime_by_trakt_title": "anime",
    "anime_by_ukrainian_title": "anime",
    "anime_by_genre": "anime",
}
"""Oddities that keep a title out, and the reason; what is listed twice is settled by the list."""

CLAIMED_TWICE = "tmdb_id_claimed_twice"
NAMELESS = "no_trakt_name"

FIRST_PLACE = 4
"""Index of the first odd title: those above it are plain, whatever the epoch."""


def places(medium: Medium) -> dict[int, tuple[Oddity, int]]:
    """Which index shows which oddity, and as its how manieth title."""
    shown = [(oddity, nth) for oddity in ODDITIES if medium in oddity.media for nth in range(len(oddity.edits))]
    shown.sort(key=lambda found: found[0].name in SKIPPED)
    return {FIRST_PLACE + place * 5 // 4: found for place, found in enumerate(shown)}
