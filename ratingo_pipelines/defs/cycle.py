"""What assets and ops do around a cycle: open one and register its partitions, take over from dead runs.

The work on titles is `sync`'s; when a run is started is the sensors'.
"""

import dagster as dg

from ratingo_pipelines.defs import runs
from ratingo_pipelines.defs.materializations import Metadata, of_trending, of_unreported
from ratingo_pipelines.defs.partitions import key, register_titles, stage_keys
from ratingo_pipelines.defs.policies import CYCLE_TAG, SUMMARY_TAG
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Cycle
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.leases import release_claims
from ratingo_pipelines.sync.movement import movement
from ratingo_pipelines.sync.overview import top_of_cycle
from ratingo_pipelines.sync.report import TrendingReport
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.text import counted

SAID = 10_000
TOP = 20
Context = dg.AssetExecutionContext | dg.OpExecutionContext


def fetch_trending(context: Context, ctx: SyncContext, medium: Medium) -> TrendingReport:
    """Open a cycle and register the partitions of its titles, unless another run did since this one was asked for."""
    asked_at = runs.asked_at(context.instance, context.run.run_id)
    report = open_trending_cycle(ctx, medium, context.run.run_id, asked_at)
    _register(context, ctx, medium, report.cycle_id)
    for month in report.months_fetched:
        context.log_event(dg.AssetMaterialization(key(medium, "watched_monthly"), partition=f"{month}-01"))
    fetched = counted(report.fetched, medium.singular, medium.plural)
    summary = f"cycle {report.cycle_id}: {report.eligible} of {fetched} eligible"
    context.log.info(summary)
    context.instance.add_run_tags(context.run.run_id, {SUMMARY_TAG: summary})
    return report


def trending_metadata(ctx: SyncContext, medium: Medium, report: TrendingReport) -> Metadata:
    """What the materialization of a list shows: the fetch, the top, and how the list moved."""
    return of_trending(medium, report, top_of_cycle(ctx, medium, TOP), movement(ctx.database, medium))


def join_cycle(context: Context, ctx: SyncContext, medium: Medium) -> None:
    """Before a run works off the latest cycle: mark the run as the cycle's, and take over what dead runs hold.

    Cycles that the command line opened have no partitions yet.
    """
    take_over(context, ctx, medium)
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
    if cycle is None:
        return
    _register(context, ctx, medium, cycle.id)
    _report_for_the_dead(context, ctx, medium, cycle)
    context.instance.add_run_tags(context.run.run_id, {CYCLE_TAG: str(cycle.id)})


def take_over(context: Context, ctx: SyncContext, medium: Medium) -> None:
    """Release the claims of runs that Dagster knows to be over: nobody is going to renew them."""
    now = ctx.now()
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        holders = cycles.holders(conn, cycle.id, now) if cycle else {}
    for run_id in sorted(runs.over(context.instance, holders.keys())):
        released = release_claims(ctx, run_id)
        context.log.info(f"took over {counted(released, 'title')} from run {run_id}, which is over")


def _report_for_the_dead(context: Context, ctx: SyncContext, medium: Medium, cycle: Cycle) -> None:
    """Materialize what earlier runs of the cycle stored but died before saying."""
    if not runs.history(context.instance, cycle.id, None).ended:
        return
    with ctx.database.reading() as conn:
        done = {place.tmdb_id: place for place in cycles.titles_of(conn, cycle.id, cycles.DONE)}
    partitions = {str(tmdb_id) for tmdb_id in done} & set(context.instance.get_dynamic_partitions(medium.plural))
    for asset_key in stage_keys(medium):
        since = dg.AssetRecordsFilter(
            asset_key, asset_partitions=sorted(partitions), after_timestamp=cycle.cycle_at.timestamp()
        )
        said = context.instance.fetch_materializations(since, limit=SAID).records if partitions else []
        for partition in sorted(partitions - {record.partition_key for record in said}):
            context.log_event(of_unreported(medium, asset_key, done[int(partition)]))


def _register(context: Context, ctx: SyncContext, medium: Medium, cycle_id: int) -> None:
    with ctx.database.reading() as conn:
        pending = [place.tmdb_id for place in cycles.titles_of(conn, cycle_id, cycles.PENDING)]
    register_titles(context.instance, medium, pending)
