"""The days before a demo: cycles of the sandbox's earlier epochs, dated back, so that changes and trends can be seen.

The core does them, as on the command line: Dagster would take as long for each of them as for the demo's own day.
"""

from datetime import timedelta

from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.ahead import redate_cycle
from ratingo_pipelines.storage.engine import Database, retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle

DAYS = 6
TITLES = 30
"""As long are the lists of these days: enough for what the demo shows of them, and done in a third of the time."""
RUN_ID = "earlier-day"


def play_earlier_days(settings: Settings, sandbox: RunningSandbox) -> None:
    """Sync both media once for each of `DAYS` days, an epoch each, into a database without cycles."""
    with open_sync_context(settings.model_copy(update={"trending_limit": TITLES})) as ctx:
        for epoch in range(DAYS):
            sandbox.control("epoch", {"epoch": epoch})
            for medium in MEDIA:
                open_trending_cycle(ctx, medium, RUN_ID)
                sync_pending(ctx, medium, RUN_ID)
                _date_back(ctx, medium, timedelta(days=DAYS - epoch))


def epochs_played(database: Database) -> int:
    """How many cycles a database has seen of the sandbox; the next one is of the epoch after theirs."""
    with database.reading() as conn:
        return cycles.number_of(conn, MEDIA[0])


@retried_transaction
def _date_back(ctx: SyncContext, medium: Medium, by: timedelta) -> None:
    with ctx.database.writing() as conn:
        cycles.lock(conn, medium)
        cycle = cycles.latest_cycle(conn, medium)
        assert cycle is not None  # noqa: S101 - it was opened just now
        redate_cycle(conn, tables_of(medium), cycle, cycle.cycle_at - by)
