"""All of one title as lines: what a person finds there."""

from dataclasses import replace

import pytest

from ratingo_pipelines.media import MOVIES
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.title_changes import ChangeKind, RecordedChange
from ratingo_pipelines.sync.title_record import RecordedActor, TitleRecord, Trailer, record_of
from ratingo_pipelines.terminal.title_record import record_lines
from ratingo_pipelines_tests.storage.examples import NOW
from ratingo_pipelines_tests.terminal.test_top import listed, stored

GATEWAY = "http://127.0.0.1:3000"


@pytest.fixture
def record(database: Database) -> TitleRecord:
    """A listed movie that was watched on three days."""
    listed(database, [7])
    stored(database, 7, [10, 20, 30])
    found = record_of(database, MOVIES, 7, NOW)
    assert found is not None
    return found


def test_it_shows_who_watches_who_plays_and_where_more_is_to_be_seen(record: TitleRecord) -> None:
    cast = tuple(RecordedActor(f"Actor {n}", None) for n in range(1, 11))
    trailers = (Trailer("A trailer", "https://www.youtube.com/watch?v=x"),)
    lines = list(record_lines(replace(record, cast=cast, trailers=trailers, votes={1: 3, 10: 9}), GATEWAY))
    assert any(line.startswith("  watchers of 30 days: ") and line.endswith(" 30") for line in lines)
    assert "  votes at Trakt, 1 to 10: 3, 0, 0, 0, 0, 0, 0, 0, 0, 9" in lines
    assert f"  cast: {', '.join(f'Actor {n}' for n in range(1, 9))} and 2 more" in lines
    assert "  trailer: A trailer: https://www.youtube.com/watch?v=x" in lines
    assert f"  page: {GATEWAY}/watching/titles/movies/7" in lines
    assert f"  Dagster: {GATEWAY}/assets/movies/details?view=partitions&partition=7" in lines


def test_what_is_not_known_takes_no_line(record: TitleRecord) -> None:
    lines = list(record_lines(replace(record, watchers_by_day=(), votes={}, cast=(), trailers=()), GATEWAY))
    assert not [line for line in lines if line.startswith(("  watchers of", "  votes at", "  cast", "  trailer"))]


def test_what_changed_is_told_with_what_was_and_what_is(record: TitleRecord) -> None:
    def change(kind: ChangeKind, region: str | None, before: str | None, after: str | None) -> RecordedChange:
        return RecordedChange(1, "movies", 7, "A movie", kind, region, before, after, 3, NOW)

    changes = (
        change(ChangeKind.CERTIFICATION, "UA", "16", "18"),
        change(ChangeKind.NEXT_EPISODE, None, "2026-05-01", None),
        change(ChangeKind.ON_PROVIDER, "US", None, "Netflix"),
        change(ChangeKind.UNLISTED, None, None, None),
    )
    lines = list(record_lines(replace(record, changes=changes), GATEWAY))
    at = f"  {NOW:%Y-%m-%d %H:%M} UTC: "
    told = lines[lines.index("Changed:") + 1 :][:4]
    assert told == [
        f"{at}certification in UA: 16 -> 18",
        f"{at}next episode: 2026-05-01 -> none",
        f"{at}on a provider in US: Netflix",
        f"{at}out of the trending list",
    ]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),  # noqa: S104 - nothing listens there
        ("::", "http://127.0.0.1:3000"),
        ("::1", "http://[::1]:3000"),
    ],
)
def test_the_gateway_is_called_as_this_machine_calls_it(host: str, url: str) -> None:
    assert Settings(_env_file=None, gateway_host=host).gateway_url == url
