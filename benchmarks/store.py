"""Storing a whole title (its row and some 60 child rows) in one transaction, alone, with its answers at hand.

Per title: the median over a cycle of 100, and of that the median of 5 databases of each kind, in turn. PostgreSQL's
commits reach the disk. Nothing is asked meanwhile; statements are counted with the transaction's own left out.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from statistics import median
from time import monotonic, process_time

from sqlalchemy import func, select

from benchmarks.common import MakeUrl, back_ends, folder, medians_in_turn, settings_of
from benchmarks.figures import Figure, exact
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync import selection
from ratingo_pipelines.sync.context import SyncContext, open_sync_context, utc_now
from ratingo_pipelines.sync.gather import Gathered, gather
from ratingo_pipelines.sync.shared_rows import SharedRows, ukrainian_genres
from ratingo_pipelines.sync.store import TitleStore
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.work import ALL_STAGES, TitleWork
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.statements import counted

LIMITS = {"SQLite": 10, "PostgreSQL": 15}
CHILDREN = (
    *("ratings", "rating_buckets", "snapshots", "translations", "genres", "videos", "watch_providers"),
    *("cast", "content_ratings", "related"),
)


def run() -> Iterator[Figure]:
    """A first cycle, then a second one in which watchers, votes and offers have moved."""
    with start_sandbox() as sandbox, back_ends() as makers:
        found = medians_in_turn({name: partial(_cycles, sandbox, make) for name, make in makers.items()})
    for name, (new, new_cpu, again, children, statements, statements_again, wrong) in found.items():
        yield Figure(f"{name}: a new title, {children:.0f} child rows", new, "ms", limit=LIMITS[name])
        yield Figure(f"{name}: of this, processor time of this program", new_cpu, "ms")
        yield Figure(f"{name}: the same title a cycle later", again, "ms", limit=LIMITS[name])
        yield Figure(f"{name}: statements for a new title", statements)
        yield Figure(f"{name}: statements a cycle later", statements_again)
        yield exact([f"{wrong} facts"] * int(wrong), name)


def _cycles(sandbox: RunningSandbox, make: MakeUrl) -> tuple[float, ...]:
    sandbox.reset()
    with folder() as home, open_sync_context(settings_of(sandbox, home, make())) as ctx:
        new, new_cpu, statements = _cycle(ctx)
        children = _child_rows(ctx.database)
        sandbox.control("epoch", {"advance": 1})
        later = replace(ctx, now=lambda: utc_now() + timedelta(hours=6))
        again, _, statements_again = _cycle(later)
        wrong = differences(ctx.database, SHOWS, sandbox.truth(SHOWS, ctx.settings.trending_limit))
    return new, new_cpu, again, children, statements, statements_again, float(len(wrong))


def _cycle(ctx: SyncContext) -> tuple[float, float, float]:
    """Milliseconds, milliseconds of processor time and statements a title."""
    open_trending_cycle(ctx, SHOWS, "bench")
    genres, _ = ukrainian_genres(ctx, SHOWS)
    store = TitleStore(ctx, SHOWS, SharedRows(ctx.database, SHOWS, genres), "bench")
    chosen = selection.pending(ctx, SHOWS, "bench", None)
    answers = [(work, _gathered(ctx, work)) for work in chosen.works]
    took, used, sent = [], [], []
    for work, gathered in answers:
        if gathered.skip is not None:
            continue
        with counted(ctx.database) as statements:
            began, cpu = monotonic(), process_time()
            store.store(work, ALL_STAGES, gathered)
            took.append(1000 * (monotonic() - began))
            used.append(1000 * (process_time() - cpu))
        sent.append(len(statements))
    return median(took), median(used), median(sent)


def _gathered(ctx: SyncContext, work: TitleWork) -> Gathered:
    questions = gather(ctx, SHOWS, work, ALL_STAGES)
    while True:
        try:
            next(questions)
        except StopIteration as answered:
            gathered: Gathered = answered.value
            return gathered


def _child_rows(database: Database) -> float:
    """The rows of all child tables, for each title that the site lists."""
    tables = tables_of(SHOWS)
    with database.reading() as conn:
        counted = [
            conn.execute(select(func.count()).select_from(getattr(tables, name))).scalar_one() for name in CHILDREN
        ]
        listed = select(func.count()).where(tables.titles.c.trending_score.is_not(None))
        return sum(counted) / float(conn.execute(listed).scalar_one())
