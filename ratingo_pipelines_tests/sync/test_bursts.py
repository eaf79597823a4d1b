"""An API that is down for a moment, in the middle of a cycle: it costs the moment, and no title."""

from collections.abc import Callable
from threading import Timer

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.pipeline_tables import failures
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines.sync.report import Follower, TitleOutcome
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import RUN, all_rows, eligible

pytestmark = pytest.mark.long

DOWN_SECONDS = 2
LIMIT = 100


def once_after(count: int, act: Callable[[], None]) -> Callable[[TitleOutcome], None]:
    """A listener that acts once, when so many titles are done."""
    done = []

    def listener(outcome: TitleOutcome) -> None:
        done.append(outcome)
        if len(done) == count:
            act()

    return listener


@pytest.mark.parametrize(
    ("api", "fault"), [("tmdb", {"kind": "status", "status": 502}), ("trakt", {"kind": "reset"})], ids=["502", "reset"]
)
def test_two_seconds_without_an_answer_cost_a_few_seconds_and_no_title(
    settings: Settings, sandbox: RunningSandbox, api: str, fault: dict[str, object]
) -> None:
    def down() -> None:
        sandbox.faults({**fault, "api": api})
        Timer(DOWN_SECONDS, sandbox.faults).start()

    with open_sync_context(settings.model_copy(update={"trending_limit": LIMIT})) as ctx:
        open_trending_cycle(ctx, SHOWS, RUN)
        report = sync_pending(ctx, SHOWS, RUN, follower=Follower(on_outcome=once_after(10, down)))
        wanted = eligible(sandbox.truth(SHOWS, LIMIT))
        assert (report.succeeded, report.failed, report.ok) == (len(wanted), 0, True)
        assert len(wanted) > 80
        assert all_rows(ctx.database, failures) == []
        assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, LIMIT)) == []
        # Each worker fails a time or two, and some probes do.
        spoilt = sum(client.api.retries for client in (ctx.trakt, ctx.tmdb) if client)
        assert 1 <= spoilt <= 3 * ctx.settings.concurrency
