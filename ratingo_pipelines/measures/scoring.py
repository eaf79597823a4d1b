"""What one title is worth: its score, its one rating, its latest season.

Plain numbers in, plain numbers out; without pandas. How watchers change over time is `deltas`.
"""

from collections.abc import Iterable

SMALLEST_MAXIMUM = 10_000
"""In a quiet hour a title does not reach full marks merely by leading the list."""


def trending_score(rating_tmdb: float | None, watchers: float, max_watchers: float) -> float:
    """Score of a title in 0..100, two decimals: two fifths TMDB's average, three fifths watchers.

    `rating_tmdb` is 0..10, an unknown one counts as 0; `max_watchers` is the `list_maximum` of the whole
    trending list, so that the score does not depend on the batch the title is processed in. Of TMDB's list, which does
    not tell watchers, both are popularity: the title's, and the largest of the list.
    """
    rating = (rating_tmdb or 0) / 10 * 100
    popularity = min(watchers / max_watchers * 100, 100)
    return round(0.4 * rating + 0.6 * popularity, 2)


def list_maximum(watchers: Iterable[int]) -> int:
    """Return the largest number of watchers in a whole trending list, at least 10 000."""
    return max((SMALLEST_MAXIMUM, *watchers))


def primary_rating(tmdb: float | None, trakt: float | None, imdb: float | None) -> float | None:
    """Return the first known of the three averages, 0..10; `None` when nobody rated the title.

    All three scales begin at 1: an average of 0 is what an API answers for a title without votes.
    """
    return next((rating for rating in (tmdb, trakt, imdb) if rating), None)


def latest_season(seasons: Iterable[tuple[int, int | None]]) -> tuple[int, int | None] | None:
    """Return the season, as (number, episodes), with the largest number; `None` for a show without any.

    Season 0 holds the specials: it is the latest only where there is no other.
    """
    return max(seasons, key=lambda season: season[0], default=None)
