"""The places of a trending list's entries in a cycle: who is left out from the start, and why."""

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.trakt import TraktTitle, TrendingEntry
from ratingo_pipelines.sync.tmdb_list import LISTED_TWICE, WITHOUT_TMDB_ID
from ratingo_pipelines.sync.trending import places
from ratingo_pipelines.sync.whole_lists import WITHOUT_WATCHERS


def test_an_entry_that_does_not_count_is_skipped_with_its_reason(settings: Settings) -> None:
    listed = [
        TrendingEntry(500, TraktTitle(trakt=1, tmdb=11)),
        TrendingEntry(None, TraktTitle(trakt=2, tmdb=12)),
        TrendingEntry(300, TraktTitle(trakt=3)),
        TrendingEntry(200, TraktTitle(trakt=4, tmdb=11)),
    ]
    found = [(entry.tmdb_id, entry.watchers, entry.outcome, entry.reason) for entry in places(SHOWS, listed, settings)]
    assert found == [
        (11, 500, "pending", None),
        (12, 0, "skipped", WITHOUT_WATCHERS),
        (None, 300, "skipped", WITHOUT_TMDB_ID),
        (11, 200, "skipped", LISTED_TWICE),
    ]
