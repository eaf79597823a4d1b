"""What is written of a title after an answer that lacks something: decided without a database."""

from dataclasses import replace
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.lies import PARTS
from ratingo_pipelines.sources.trakt import TraktRatings, parse_ratings
from ratingo_pipelines.storage.cycles import Cycle, CycleTitle
from ratingo_pipelines.sync.merge import Known, RelatedTitles
from ratingo_pipelines.sync.trust.parts import ANIME, UNKNOWN, FactPart, PartKey
from ratingo_pipelines.sync.work import Place
from ratingo_pipelines_tests.sync.trust.answers import (
    RELATED,
    TODAY,
    WORK,
    asked,
    details,
    lied,
    lost,
    merged,
    payload,
    ratings_payload,
    stored,
    told,
)

TEXTS = {f"{text} {locale}" for text in ("title", "overview", "tagline") for locale in ("uk-UA", "en-US")}
UKRAINIAN = {text for text in TEXTS if text.endswith("uk-UA")}
DOUBTED: dict[str, set[str]] = {
    "no_cast": {"cast"},
    "no_providers": {"providers UA", "providers US"},
    "no_providers_in_ukraine": {"providers UA"},
    "no_videos": {"videos"},
    "no_genres": {"genres"},
    "no_certifications": {"certifications UA", "certifications US"},
    "no_certifications_in_ukraine": {"certifications UA"},
    # The details are in English themselves.
    "no_translations": UKRAINIAN,
    "no_ukrainian": UKRAINIAN,
    "no_texts": TEXTS - {"title en-US"},
    "no_images": {"poster", "poster_uk", "backdrop"},
    "no_recommendations": set(),
    "no_next_episode": {"next_episode"},
    "no_seasons": {"seasons", "number_of_seasons", "number_of_episodes"},
    "no_dates": {"released"},
    "no_votes": {"tmdb_votes"},
    "no_imdb_ids": set(),
    "no_distribution": {"buckets"},
    "no_votes_at_trakt": {"trakt_votes", "buckets"},
    "no_imdb_votes_at_trakt": set(),
}
OF_SHOWS = {"no_next_episode", "no_seasons"}
LIES = [(lie, medium) for lie in DOUBTED for medium in MEDIA if medium is SHOWS or lie not in OF_SHOWS]
HONEST = parse_ratings(ratings_payload())


def names(keys: Any) -> set[str]:
    return {str(key) for key in keys}


def test_every_lie_of_the_sandbox_about_a_part_of_details_or_ratings_is_in_the_table() -> None:
    assert PARTS.keys() - DOUBTED.keys() == {"no_ratings", "no_related"}


@pytest.mark.parametrize(("lie", "medium"), LIES, ids=str)
def test_a_part_that_comes_empty_is_doubted_and_takes_nothing_away(lie: str, medium: Medium) -> None:
    known = stored(medium)
    after = merged(medium, told(*lied(lie, medium)), known)
    assert names(after.doubted) == DOUBTED[lie]
    assert lost(known, after) == set()
    assert names(after.had) >= DOUBTED[lie]


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_whole_answer_again_changes_nothing_and_ends_every_doubt(medium: Medium) -> None:
    known = stored(medium)
    doubts = [PartKey(FactPart.CAST), PartKey(FactPart.PROVIDERS, "UA"), PartKey(FactPart.OVERVIEW, "uk-UA"), UNKNOWN]
    answers = told(details(payload(medium), medium), HONEST, related=RELATED)
    after = merged(medium, answers, replace(known, doubts=doubts))
    assert (after.doubted, after.ended) == ({}, frozenset(doubts))
    assert lost(known, after) == set()
    assert known.row is not None
    assert {name: known.row[name] for name in after.columns} == after.columns


def test_the_rest_of_an_answer_that_lacks_a_part_is_stored() -> None:
    answer = payload(SHOWS) | {"genres": [], "status": "Ended", "vote_count": 11}
    answer["watch/providers"]["results"] = {
        "US": {"link": "https://x/US", "buy": [{"provider_id": 9, "provider_name": "Apple", "display_priority": 2}]}
    }
    after = merged(SHOWS, told(details(answer)), stored(SHOWS))
    assert names(after.doubted) == {"genres", "providers UA"}
    assert (after.columns["status"], after.columns["rating_tmdb_count"]) == ("Ended", 11)
    assert "genres" not in after.columns
    assert [(one["region"], one["name"]) for one in after.columns["watch_providers"]] == [
        ("UA", "Netflix"),
        ("US", "Apple"),
    ]
    assert [row["provider_name"] for row in after.children["watch_providers"]] == ["Apple"]
    assert [row["region"] for row in after.known["watch_providers"]] == ["US"], "Ukraine's offers stay"


def test_a_part_that_did_not_come_is_neither_doubted_nor_overwritten() -> None:
    answer = payload(SHOWS)
    for name in ("overview", "poster_path", "genres", "videos", "next_episode_to_air", "first_air_date", "vote_count"):
        del answer[name]
    answer |= {"seasons": "things", "number_of_seasons": "several", "tagline": {"text": "odd"}}
    del answer["translations"], answer["watch/providers"], answer["aggregate_credits"], answer["images"]
    known = stored(SHOWS)
    after = merged(SHOWS, told(details(answer)), known)
    assert after.doubted == {}
    assert lost(known, after) == set()
    assert not any(name.startswith(("next_episode", "latest_season")) for name in after.columns)


def test_an_episode_that_has_aired_is_no_longer_the_next_one_at_once() -> None:
    known = stored(SHOWS, next_episode_air_date="2026-11-25")
    after = merged(SHOWS, told(details(payload(SHOWS) | {"next_episode_to_air": None})), known)
    assert after.doubted == {}
    assert [after.columns[f"next_episode_{name}"] for name in ("season", "number", "air_date")] == [None] * 3


ADOPTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("title_uk", {"title_uk": "Still Water"}, {"title_uk": None}),
    ("title_uk", {"title_uk": "Spokojna woda"}, {"title_uk": None}),
    ("overview_uk", {"overview_uk": "Overview"}, {"overview_uk": None}),
    ("rating_tmdb", {"rating_tmdb": 0.0, "rating_tmdb_count": None}, {"rating_tmdb": None, "rating_tmdb_count": 0}),
    ("rating_tmdb", {"rating_tmdb": 9.9, "rating_tmdb_count": 0}, {"rating_tmdb": None, "rating_tmdb_count": 0}),
    ("poster_uk", {"poster_uk": "/poster.jpg"}, {"poster_uk": None}),
    (
        "rating_trakt_avg",
        {"rating_trakt_avg": 0.0, "rating_trakt_votes": None},
        {"rating_trakt_avg": None, "rating_trakt_votes": 0},
    ),
]


@pytest.mark.parametrize(("column", "adopted", "left"), ADOPTED, ids=[entry[0] for entry in ADOPTED])
def test_what_an_old_sync_made_up_goes_at_once(column: str, adopted: dict[str, Any], left: dict[str, Any]) -> None:
    answer = payload(SHOWS) | {"vote_average": 0.0, "vote_count": 0, "translations": {"translations": []}}
    answer["images"]["posters"] = []
    known = stored(SHOWS, **adopted)
    assert known.row is not None
    # Ukrainian rows as the old sync left them: what it had of the title's own row.
    ukrainian: Any = known.children["translations"][0]
    ukrainian |= {"title": known.row["title_uk"], "overview": known.row["overview_uk"]}
    nobody = TraktRatings(rating=None, votes=0, distribution=None)
    after = merged(SHOWS, told(details(answer), nobody), known)
    assert {name: after.columns[name] for name in left} == left


def test_a_ukrainian_title_is_the_original_one_where_the_title_is_ukrainian() -> None:
    answer = payload(SHOWS) | {"original_language": "uk", "original_name": "Тиха вода"}
    answer["translations"]["translations"] = []
    after = merged(SHOWS, told(details(answer)), stored(SHOWS))
    assert PartKey(FactPart.TITLE, "uk-UA") in after.doubted


def test_a_title_new_to_the_database_has_nothing_to_lose() -> None:
    work = replace(WORK, stored=False)
    empty = lied("no_cast", SHOWS)[0]
    for known in (Known(), Known(stub())):
        after = merged(SHOWS, told(empty), known, work=work)
        assert (after.doubted, after.columns["cast"]) == ({}, [])


def stub() -> dict[str, Any]:
    """A row made from what others said of the title."""
    known = stored(SHOWS).row or {}
    kept = ("id", "tmdb_id", "title", "overview", "poster")
    return {name: value if name in kept else None for name, value in known.items()}


def test_what_our_own_settings_no_longer_ask_for_goes_at_once() -> None:
    narrow = asked(SHOWS, regions=("US",), locales=("en-US",))
    answer = details(payload(SHOWS))
    answer = replace(
        answer,
        providers=[one for one in answer.providers or () if one.region == "US"],
        content_ratings={"US": "TV-MA"},
        translations=[one for one in answer.translations or () if one.language == "en"],
        poster_uk_path=None,
        empty=frozenset({"poster_uk_path"}),
    )
    open_doubts = [PartKey(FactPart.PROVIDERS, "UA"), PartKey(FactPart.OVERVIEW, "uk-UA")]
    after = merged(SHOWS, told(answer), replace(stored(SHOWS), doubts=open_doubts), asked=narrow)
    assert names(after.doubted) == {"poster_uk"}
    assert after.ended == frozenset(open_doubts)
    assert (after.columns["title_uk"], after.columns["overview_uk"], after.columns["content_rating"]) == (None,) * 3
    assert [offer["region"] for offer in after.columns["watch_providers"]] == ["US"]
    assert [row["locale"] for row in after.children["translations"]] == ["en-US"]
    assert {row["region"] for row in after.known["watch_providers"]} == {"UA", "US"}, "both are replaced"


def place(rating: float | None, votes: int | None) -> Place:
    title = CycleTitle(1, 1, 1, 1, 1, "still-water", None, "Still Water", 2026, 100, rating, votes, "pending", None)
    return Place(Cycle(1, "shows", None, 10_000, 100, 100), title)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratings", "listed", "expected", "is_doubted"),
    [
        (HONEST, (5.0, 4), (8.0, 30), False),
        (None, (5.0, 4), (5.0, 4), False),
        (TraktRatings(rating=None, votes=0, distribution=None), (5.0, 4), (5.0, 4), False),
        (TraktRatings(rating=None, votes=0, distribution=None), (None, 0), None, True),
        (TraktRatings(rating=None, votes=None, distribution=None), (None, None), None, True),
        (TraktRatings(rating=6.0, votes=None, distribution=None), (None, None), None, False),
        (None, (None, None), None, False),
    ],
)
def test_average_and_votes_move_together_and_the_list_stands_in_for_ratings_that_do_not_come(
    ratings: TraktRatings | None,
    listed: tuple[float | None, int | None],
    expected: tuple[float, int] | None,
    is_doubted: bool,
) -> None:
    work = replace(WORK, place=place(*listed))
    after = merged(SHOWS, told(None, ratings), stored(SHOWS), work=work)
    written = after.columns.get("rating_trakt_avg"), after.columns.get("rating_trakt_votes")
    assert written == (expected or (None, None))
    assert (PartKey(FactPart.TRAKT_VOTES) in after.doubted) is is_doubted
    assert expected or "rating_trakt_avg" not in after.columns


@pytest.mark.parametrize(
    ("related", "source", "is_doubted"),
    [
        (RelatedTitles("trakt", [9], [90], told=1), "trakt", False),
        (RelatedTitles("tmdb", [], [], told=0, trakt_has_none=True), "trakt", True),
        (RelatedTitles("tmdb", [9], [90], told=1, trakt_has_none=True), "trakt", True),
        (RelatedTitles("tmdb", [9], [90], told=1, trakt_has_none=True), "tmdb", False),
        (RelatedTitles("tmdb", [], [], told=0, trakt_has_none=True), "tmdb", True),
        (RelatedTitles("tmdb", [], [], told=3, trakt_has_none=True), "tmdb", False),
    ],
)
def test_related_titles_of_trakt_are_not_replaced_because_it_says_that_there_are_none(
    related: RelatedTitles, source: str, is_doubted: bool
) -> None:
    known = stored(SHOWS)
    links: Any = known.children["related"]
    for link in links:
        link["source"] = source
    after = merged(SHOWS, told(None, related=related), known)
    assert (names(after.doubted) == {"related"}) is is_doubted
    assert ("related" in after.columns) is ("related" in after.children) is not is_doubted


def test_what_the_anime_filter_looks_at_stays_while_its_verdict_is_in_doubt() -> None:
    answer = payload(SHOWS) | {"genres": [{"id": 16, "name": "Animation"}], "status": "Ended"}
    answer["translations"]["translations"][0]["data"] |= {"name": "Тиха вода (аніме)", "overview": "Новий опис"}
    known = stored(SHOWS)
    after = merged(SHOWS, told(details(answer), doubts={ANIME: "anime filter: genre 16"}), known)
    assert after.doubted == {ANIME: "anime filter: genre 16"}
    assert not {"title", "title_uk", "genres"} & after.columns.keys()
    assert "genres" not in after.children
    assert (after.columns["status"], after.columns["overview_uk"]) == ("Ended", "Новий опис")
    assert after.children["translations"][0]["title"] == "Тиха вода"


def test_a_title_that_tmdb_does_not_know_any_more_loses_nothing() -> None:
    after = merged(SHOWS, told(None, HONEST, doubts={UNKNOWN: "unknown to TMDB"}), stored(SHOWS))
    assert after.doubted == {UNKNOWN: "unknown to TMDB"}
    assert after.columns["rating_trakt_votes"] == 30


def test_the_day_is_todays() -> None:
    known = stored(SHOWS, next_episode_air_date=TODAY.isoformat())
    after = merged(SHOWS, told(details(payload(SHOWS) | {"next_episode_to_air": None})), known)
    assert names(after.doubted) == {"next_episode"}


def test_a_movie_has_no_episodes_to_lose() -> None:
    after = merged(MOVIES, told(details(payload(MOVIES), MOVIES)), stored(MOVIES))
    assert not {name for name in after.columns if "episode" in name}
