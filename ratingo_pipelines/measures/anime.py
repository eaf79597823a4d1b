"""The anime filter: which shows the site does not list, and why.

Only the decision; the words and genres are settings, and who reports the skip is the sync.
"""

from collections.abc import Collection, Iterable

ANIME_FILTER = "anime filter"
"""What every reason of the filter begins with."""


def anime_reason(
    titles: Iterable[str | None],
    genre_ids: Iterable[int],
    keywords: Iterable[str],
    configured_ids: Collection[int],
) -> str | None:
    """Say why a show is skipped, or `None` when it is not.

    `titles` are all that are known (Trakt's, the Ukrainian one); a keyword counts wherever it occurs in one
    of these, in any case. `genre_ids` are TMDB's.
    """
    folded = [title.casefold() for title in titles if title]
    for keyword in keywords:
        # An empty word is in every title.
        if keyword and any(keyword.casefold() in title for title in folded):
            return f"{ANIME_FILTER}: keyword '{keyword}'"
    for genre_id in genre_ids:
        if genre_id in configured_ids:
            return f"{ANIME_FILTER}: genre {genre_id}"
    return None
