"""What is told of rate limits and pauses to those who only look, while others ask."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import RateLimit, Settings
from ratingo_pipelines.sources.errors import RateLimited
from ratingo_pipelines.sources.http.grants import FILE_NAME
from ratingo_pipelines.sources.usage import ApiUsage, WindowUse, limits_of, read_usage
from ratingo_pipelines.sync.context import SyncContext, open_sync_context, utc_now
from ratingo_pipelines_tests.sync.syncing import settings_for

HOUR = timedelta(hours=1)


@pytest.fixture
def settings(sandbox: RunningSandbox, tmp_path: Path) -> Settings:
    """An installation with the real limits, which stops at a pause of more than a second."""
    limits = {"trakt_rate_limit": RateLimit(500, 300), "tmdb_rate_limit": RateLimit(40, 1)}
    given = settings_for(sandbox, tmp_path / "home")
    return given.model_copy(update={**limits, "retry_after_cap_seconds": 1.0, "http_cache": False})


def asked(ctx: SyncContext, times: int) -> None:
    assert ctx.trakt is not None
    for _ in range(times):
        ctx.trakt.trending(SHOWS, 1)


def test_before_anybody_asked_nothing_is_used_of_any_window(settings: Settings) -> None:
    assert read_usage(settings, utc_now()) == ApiUsage(
        (WindowUse("Trakt", 500, 300, 0), WindowUse("Trakt", 20, 1, 0), WindowUse("TMDB", 40, 1, 0))
    )


def test_what_was_let_through_is_counted_in_each_window_as_long_as_it_lasts(settings: Settings) -> None:
    with open_sync_context(settings) as ctx:
        asked(ctx, 3)
        used = {(each.api, each.seconds): each.used for each in read_usage(settings, utc_now()).windows}
    assert used["Trakt", 300] == 3
    assert used["TMDB", 1] == 0
    # The file stays, and time passes.
    assert {each.used for each in read_usage(settings, utc_now() + HOUR).windows} == {0}


def test_a_pause_is_told_until_it_is_over(settings: Settings, sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "status", "api": "trakt", "status": 429, "retry_after": 120})
    before = utc_now()
    with open_sync_context(settings) as ctx, pytest.raises(RateLimited):
        asked(ctx, 1)
    [pause] = read_usage(settings, utc_now()).pauses
    assert pause.api == "Trakt"
    assert before + timedelta(seconds=119) <= pause.until <= utc_now() + timedelta(seconds=120)
    assert read_usage(settings, pause.until).pauses == ()


def test_a_file_that_cannot_be_read_tells_nothing(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / FILE_NAME).write_bytes(b"no database" * 1000)
    assert read_usage(settings, datetime.now(UTC)) == ApiUsage()


def test_the_limits_are_those_that_requests_are_held_to(settings: Settings) -> None:
    assert limits_of(settings) == {
        "Trakt": (RateLimit(500, 300), RateLimit(20, 1)),
        "TMDB": (RateLimit(40, 1),),
    }
