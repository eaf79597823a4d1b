"""What differs between shows and movies, and that it is data."""

import json
from dataclasses import FrozenInstanceError, asdict, fields
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.media import BY_NAME, MEDIA, MOVIES, SHOWS, Medium

SAMPLES = Path(__file__).parents[1].parent / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded answers here")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def test_a_medium_is_called_by_its_plural() -> None:
    assert [str(medium) for medium in MEDIA] == ["shows", "movies"]
    assert BY_NAME == {"shows": SHOWS, "movies": MOVIES}
    assert f"{SHOWS}/trending" == "shows/trending"


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_medium_holds_nouns_only(medium: Medium) -> None:
    for name, value in asdict(medium).items():
        words = value if isinstance(value, tuple) else (value,)
        assert words, name
        assert all(isinstance(word, str) and word for word in words), name


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_medium_does_not_change(medium: Medium) -> None:
    with pytest.raises(FrozenInstanceError):
        medium.plural = "books"  # type: ignore[misc]


def test_the_twins_share_no_name() -> None:
    for field in fields(Medium):
        assert getattr(SHOWS, field.name) != getattr(MOVIES, field.name), field.name


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_one_call_brings_everything_a_title_needs_within_what_tmdb_allows(medium: Medium) -> None:
    appended = medium.tmdb_appended

    assert len(appended) == len(set(appended)) <= 20
    assert {
        "translations",
        "watch/providers",
        "videos",
        "external_ids",
        "recommendations",
        "images",
    } <= set(appended)


def test_each_medium_has_its_own_certifications_and_cast() -> None:
    assert set(SHOWS.tmdb_appended) - set(MOVIES.tmdb_appended) == {"content_ratings", "aggregate_credits"}
    assert set(MOVIES.tmdb_appended) - set(SHOWS.tmdb_appended) == {"release_dates", "credits"}


def test_a_medium_can_be_a_key() -> None:
    assert {SHOWS: 1, MOVIES: 2}[BY_NAME["movies"]] == 2


@needs_samples
@pytest.mark.parametrize(
    ("medium", "recorded"),
    [
        (SHOWS, "tmdb/tv-series-details-append-response__adamayoung-TMDb.json"),
        (MOVIES, "tmdb/movie-details-append-response__adamayoung-TMDb.json"),
    ],
    ids=str,
)
def test_tmdb_answers_with_the_keys_that_a_medium_names(medium: Medium, recorded: str) -> None:
    answer = sample(recorded)

    assert isinstance(answer[medium.tmdb_name], str)
    assert answer[medium.tmdb_released]
    assert set(medium.tmdb_appended) <= set(answer)


@needs_samples
@pytest.mark.parametrize(
    ("medium", "recorded"),
    [
        (SHOWS, "tmdb/tv_1396_translations__jellyfin-TMDbLib.json"),
        (MOVIES, "tmdb/movie_47964_translations__jellyfin-TMDbLib.json"),
    ],
    ids=str,
)
def test_a_translation_has_its_name_under_the_key_that_a_medium_names(medium: Medium, recorded: str) -> None:
    translations = sample(recorded)["translations"]

    assert all(medium.tmdb_name in translation["data"] for translation in translations)


@needs_samples
@pytest.mark.parametrize(
    ("medium", "recorded"),
    [
        (SHOWS, "trakt/shows_trending_limit=5__jemus42-tRakt.json"),
        (MOVIES, "trakt/movies_trending_limit=5_extended=full__jemus42-tRakt.json"),
    ],
    ids=str,
)
def test_trakt_wraps_a_title_in_the_key_that_a_medium_names(medium: Medium, recorded: str) -> None:
    assert all(entry[medium.singular]["ids"] for entry in sample(recorded))
