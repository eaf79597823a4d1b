"""Which shows are skipped as anime, and what the report says of it."""

import pytest

from ratingo_pipelines.measures.anime import anime_reason

KEYWORDS = ("anime", "аніме")
GENRES = (16,)


@pytest.mark.parametrize(
    ("titles", "genre_ids", "reason"),
    [
        pytest.param(["Severance", "Розрив"], [18, 9648], None, id="an ordinary show"),
        pytest.param(["The Anime Club", None], [], "anime filter: keyword 'anime'", id="Trakt's title"),
        pytest.param(["Blue Lock", "Аніме: Синя в'язниця"], [], "anime filter: keyword 'аніме'", id="Ukrainian"),
        pytest.param(["ANIME!", None], [], "anime filter: keyword 'anime'", id="capitals"),
        pytest.param([None, "МОЄ АНІМЕ"], [], "anime filter: keyword 'аніме'", id="Ukrainian capitals"),
        pytest.param(["Reanimexico", None], [], "anime filter: keyword 'anime'", id="within a word"),
        pytest.param(["One Piece", None], [10759, 16], "anime filter: genre 16", id="by genre"),
        pytest.param(["Anime", "Аніме"], [16], "anime filter: keyword 'anime'", id="the first reason is said"),
        pytest.param(["Animal Kingdom", "Царство тварин"], [80], None, id="a word that merely begins alike"),
        pytest.param([None, ""], [], None, id="nothing known"),
        pytest.param([], [], None, id="nothing at all"),
    ],
)
def test_a_show_is_skipped_for_a_word_in_any_of_its_titles_or_for_its_genre(
    titles: list[str | None], genre_ids: list[int], reason: str | None
) -> None:
    assert anime_reason(titles, genre_ids, KEYWORDS, GENRES) == reason


def test_words_and_genres_are_configured() -> None:
    assert anime_reason(["Die Straße"], [], ["STRASSE"], []) == "anime filter: keyword 'STRASSE'"
    assert anime_reason(["Anime"], [99, 16], KEYWORDS[1:], [99]) == "anime filter: genre 99"


def test_an_empty_configuration_filters_nothing() -> None:
    assert anime_reason(["Anime", "Аніме"], [16], [], []) is None
    assert anime_reason(["Severance"], [18], [""], []) is None


def test_titles_may_be_read_only_once() -> None:
    titles = iter(["Severance", "Аніме"])

    assert anime_reason(titles, iter([]), iter(KEYWORDS), GENRES) == "anime filter: keyword 'аніме'"
