"""What one title is worth, on numbers worked out by hand."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratingo_pipelines.measures.scoring import latest_season, list_maximum, primary_rating, trending_score

RATING = st.one_of(st.none(), st.floats(0, 10))
WATCHERS = st.integers(0, 2_000_000)


@pytest.mark.parametrize(
    ("rating", "watchers", "maximum", "score"),
    [
        pytest.param(8.4, 5_000, 12_000, 58.6, id="0.4 * 84 + 0.6 * 41.67 = 33.6 + 25"),
        pytest.param(7.3, 1_234, 10_000, 36.6, id="29.2 + 7.404 = 36.604"),
        pytest.param(6.789, 777, 15_432, 30.18, id="27.156 + 3.020995 = 30.176995"),
        pytest.param(8.0, 3_333, 10_000, 52.0, id="32 + 19.998 = 51.998"),
        pytest.param(10.0, 10_000, 10_000, 100.0, id="the best rating and the most watchers"),
        pytest.param(10.0, 0, 10_000, 40.0, id="the rating alone is two fifths"),
        pytest.param(None, 10_000, 10_000, 60.0, id="an unknown rating counts as 0"),
        pytest.param(0.0, 10_000, 10_000, 60.0, id="as does a title nobody rated"),
        pytest.param(5.0, 30_000, 10_000, 80.0, id="watchers past the maximum earn no more than it"),
        pytest.param(0.0, 0, 10_000, 0.0, id="nothing is 0"),
    ],
)
def test_the_score_is_two_fifths_rating_and_three_fifths_watchers(
    rating: float | None, watchers: int, maximum: int, score: float
) -> None:
    assert trending_score(rating, watchers, maximum) == score


@given(RATING, WATCHERS, st.lists(WATCHERS))
def test_a_score_lies_within_0_and_100_with_two_decimals(
    rating: float | None, watchers: int, others: list[int]
) -> None:
    score = trending_score(rating, watchers, list_maximum([watchers, *others]))

    assert 0 <= score <= 100
    assert score == round(score, 2)


@given(RATING, WATCHERS, WATCHERS, st.integers(10_000, 2_000_000))
def test_more_watchers_never_lower_the_score(rating: float | None, one: int, two: int, maximum: int) -> None:
    fewer, more = sorted((one, two))

    assert trending_score(rating, fewer, maximum) <= trending_score(rating, more, maximum)


@given(st.floats(0, 10), st.floats(0, 10), WATCHERS, st.integers(10_000, 2_000_000))
def test_a_better_rating_never_lowers_the_score(one: float, two: float, watchers: int, maximum: int) -> None:
    worse, better = sorted((one, two))

    assert trending_score(worse, watchers, maximum) <= trending_score(better, watchers, maximum)


@pytest.mark.parametrize(
    ("watchers", "maximum"),
    [
        ([12_345, 777, 12_344], 12_345),
        ([777, 12], 10_000),
        ([10_000], 10_000),
        ([10_001], 10_001),
        ([], 10_000),
    ],
)
def test_the_maximum_is_that_of_the_list_and_at_least_ten_thousand(watchers: list[int], maximum: int) -> None:
    assert list_maximum(watchers) == maximum
    assert list_maximum(iter(watchers)) == maximum


@given(st.lists(st.tuples(RATING, WATCHERS), min_size=1), st.integers(1, 25))
def test_the_scores_of_a_list_do_not_depend_on_how_it_is_cut_into_batches(
    titles: list[tuple[float | None, int]], size: int
) -> None:
    maximum = list_maximum(watchers for _, watchers in titles)
    batches = [titles[start : start + size] for start in range(0, len(titles), size)]

    in_batches = [trending_score(*title, maximum) for batch in batches for title in batch]

    assert in_batches == [trending_score(*title, maximum) for title in titles]
    assert maximum == max(list_maximum(watchers for _, watchers in batch) for batch in batches)


@pytest.mark.parametrize(
    ("tmdb", "trakt", "imdb", "primary"),
    [
        pytest.param(8.4, 8.1, 8.7, 8.4, id="TMDB comes first"),
        pytest.param(None, 8.1, 8.7, 8.1, id="then Trakt"),
        pytest.param(None, None, 8.7, 8.7, id="then IMDb"),
        pytest.param(0.0, 8.1, 8.7, 8.1, id="TMDB's 0 means that nobody voted"),
        pytest.param(0.0, 0.0, 8.7, 8.7, id="as does Trakt's, whose scale begins at 1"),
        pytest.param(None, None, None, None, id="nobody rated it"),
        pytest.param(0.0, None, None, None, id="nobody rated it, and TMDB says so with 0"),
    ],
)
def test_the_primary_rating_is_the_first_known_one(
    tmdb: float | None, trakt: float | None, imdb: float | None, primary: float | None
) -> None:
    assert primary_rating(tmdb, trakt, imdb) == primary


@pytest.mark.parametrize(
    ("seasons", "latest"),
    [
        pytest.param([(1, 7), (2, 13), (3, 8)], (3, 8), id="in order"),
        pytest.param([(3, 8), (0, 20), (1, 7)], (3, 8), id="in any order"),
        pytest.param([(0, 20), (1, 7)], (1, 7), id="specials do not count beside a season"),
        pytest.param([(0, 20)], (0, 20), id="specials are all there is"),
        pytest.param([(2, None), (1, 10)], (2, None), id="announced, episodes unknown"),
        pytest.param([(9, 5), (10, 1)], (10, 1), id="numbers, not words"),
        pytest.param([], None, id="no season at all"),
    ],
)
def test_the_latest_season_is_the_one_with_the_largest_number_other_than_0(
    seasons: list[tuple[int, int | None]], latest: tuple[int, int | None] | None
) -> None:
    assert latest_season(seasons) == latest


@pytest.mark.parametrize("module", ["scoring", "anime", "sparkline"])
def test_a_command_that_scores_and_draws_starts_without_pandas(module: str) -> None:
    code = f"import sys, ratingo_pipelines.measures.{module}; print({{'pandas', 'numpy'}} & set(sys.modules))"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "set()"
