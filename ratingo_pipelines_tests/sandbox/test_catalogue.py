"""The catalogue: what is in it, that it never changes, and that every oddity is met."""

from functools import cache

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox import oddities
from ratingo_pipelines.sandbox.catalogue import ODDITIES, OUTSIDE, catalogue
from ratingo_pipelines.sandbox.title import Title
from ratingo_pipelines.sandbox.world import World
from ratingo_pipelines_tests.sandbox.days import TODAY


@cache
def _world(epoch: int) -> World:
    return World(catalogue(), epoch, TODAY)


PARAMETERS = [(oddity.name, medium) for oddity in oddities.ODDITIES for medium in oddity.media]


def test_at_least_three_hundred_titles_of_each_medium_may_trend() -> None:
    assert all(len(catalogue().trending(medium)) >= 300 for medium in MEDIA)


def test_generating_it_again_gives_the_same_titles() -> None:
    again = catalogue.__wrapped__()
    assert again.titles == catalogue().titles


def test_a_larger_catalogue_keeps_the_titles_of_a_smaller_one() -> None:
    larger = catalogue(1_200)
    assert len(larger.trending(SHOWS)) >= 1_000
    for medium in MEDIA:
        assert larger.titles[medium][:300] == catalogue().titles[medium][:300]


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_size_the_words_are_not_good_for_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="titles a medium"):
        catalogue(size)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_ids_names_and_slugs_are_nobody_elses(medium: Medium) -> None:
    titles = catalogue(1_200).titles[medium]
    for field in ("trakt_id", "slug", "tmdb_id", "name_uk"):
        values = [value for title in titles if (value := getattr(title, field))]
        assert len(values) == len(set(values)), field
    imdb_ids = [title.imdb_id for medium in MEDIA for title in catalogue(1_200).titles[medium] if title.imdb_id]
    assert len(imdb_ids) == len(set(imdb_ids))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_nearly_every_title_has_ukrainian_texts_in_ukrainian_letters(medium: Medium) -> None:
    titles = catalogue().titles[medium]
    translated = [title for title in titles if title.name_uk and not title.oddities]
    assert len(translated) > 0.85 * len(titles)
    for title in translated:
        text = f"{title.name_uk} {title.overview_uk} {title.tagline_uk}".lower()
        assert not set(text) & set("ыэъё")
        assert set("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя") & set(text)


def test_no_plain_show_is_taken_for_anime() -> None:
    for title in catalogue(1_200).titles[SHOWS]:
        if not any(name.startswith("anime") for name in title.oddities):
            assert 16 not in title.genre_ids
            assert "anime" not in f"{title.name} {title.trakt_name}".lower()
            assert "аніме" not in (title.name_uk or "").lower()


@pytest.mark.parametrize(("name", "medium"), PARAMETERS, ids=str)
def test_every_oddity_is_among_the_first_hundred_of_each_epoch(name: str, medium: Medium) -> None:
    assert ODDITIES[name][medium.plural]
    for epoch in range(8):
        listed = {title.trakt_id for _, title in _world(epoch).trending(medium)[:100]}
        assert listed.issuperset(ODDITIES[name][medium.plural])


def _first(name: str, medium: Medium = SHOWS) -> Title:
    return catalogue().odd(name, medium)[0]


def test_two_titles_of_trakt_claim_one_tmdb_id_and_the_true_one_is_listed_first() -> None:
    for medium in MEDIA:
        true, stale = catalogue().odd("tmdb_id_claimed_twice", medium)
        assert (true.trakt_tmdb, stale.trakt_tmdb) == (true.tmdb_id, true.tmdb_id)
        assert true.trakt_id != stale.trakt_id
        for epoch in range(8):
            listed = [title for _, title in _world(epoch).trending(medium)]
            assert listed.index(true) < listed.index(stale)


def test_a_title_is_listed_twice_among_the_first_hundred_and_another_one_across_two_full_pages() -> None:
    for medium in MEDIA:
        listed = [title.trakt_id for _, title in _world(0).trending(medium)]
        assert listed[:100].count(_first("listed_twice", medium).trakt_id) == 2
        assert set(listed[:250]) & set(listed[250:])


def test_a_tmdb_id_belongs_to_a_show_and_to_a_movie() -> None:
    show, movie = _first("shared_tmdb_id"), _first("shared_tmdb_id", MOVIES)
    assert show.tmdb_id == movie.tmdb_id
    assert show.name != movie.name


def test_no_tmdb_id_comes_as_null_and_as_an_empty_string() -> None:
    assert {title.trakt_tmdb for title in catalogue().odd("no_tmdb_id", MOVIES)} == {None, ""}


def test_anime_is_told_by_each_means_alone() -> None:
    by_title, by_ukrainian = _first("anime_by_trakt_title"), _first("anime_by_ukrainian_title")
    by_genre = _first("anime_by_genre")
    assert "Anime" in str(by_title.trakt_name)
    assert 16 not in by_title.genre_ids
    assert "аніме" in str(by_ukrainian.name_uk)
    assert "anime" not in str(by_ukrainian.trakt_name).lower()
    assert 16 in by_genre.genre_ids
    assert "anime" not in f"{by_genre.trakt_name} {by_genre.name_uk}".lower()


def test_specials_are_the_only_season_of_one_show_and_the_largest_of_another() -> None:
    assert [season.number for season in _first("only_specials").seasons] == [0]
    many = _first("many_specials").seasons
    assert many[-1].number == 0
    assert many[-1].episodes == max(season.episodes for season in many)


def test_titles_outside_never_trend_in_any_epoch() -> None:
    for medium in MEDIA:
        outside = {title.trakt_id for title in catalogue().outside(medium)}
        assert len(outside) == OUTSIDE
        for epoch in range(4):
            assert not outside & {title.trakt_id for _, title in _world(epoch).trending(medium)}
