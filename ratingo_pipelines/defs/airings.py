"""The calendar's assets: coming episodes, and pruning. Shows only: movies have no episodes."""

import dagster as dg

from ratingo_pipelines.defs.conclusion import STOPPED_BY
from ratingo_pipelines.defs.materializations import of_airings, of_calendar, of_prune
from ratingo_pipelines.defs.partitions import AIRINGS, STALE_AIRINGS, key
from ratingo_pipelines.defs.policies import SUMMARY_TAG, common
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar
from ratingo_pipelines.sync.report import StopReason
from ratingo_pipelines.text import counted

SHARED = common("calendar")


@dg.asset(
    key=AIRINGS,
    kinds={"trakt"},
    deps=[key(SHOWS, "trending")],
    **SHARED,
)
def airings(context: dg.AssetExecutionContext, ratingo: RatingoResource) -> dg.MaterializeResult:
    """Episodes of the coming days, for the shows that the site lists.

    From Trakt's calendar, or TMDB's next episodes while Trakt gives no lists, by its schedule. Days that did not come
    keep what is known of them, and the run fails for them.
    """
    with ratingo.open() as ctx:
        report = sync_calendar(ctx)
    context.log_event(of_airings(SHOWS, report))
    context.instance.add_run_tags(context.run.run_id, {SUMMARY_TAG: counted(report.processed, "episode")})
    if not report.ok:
        # What came is stored; the run fails for the days that did not.
        context.log_event(dg.AssetMaterialization(AIRINGS, metadata=of_calendar(report)))
        stopped_by = {STOPPED_BY: StopReason.UPSTREAM.value}
        raise dg.Failure("; ".join(report.notes), metadata=stopped_by, allow_retries=False)
    return dg.MaterializeResult(metadata=of_calendar(report))


@dg.asset(key=STALE_AIRINGS, kinds={"python"}, deps=[AIRINGS], **SHARED)
def stale_airings(context: dg.AssetExecutionContext, ratingo: RatingoResource) -> dg.MaterializeResult:
    """Removes airings of shows that the site does not list, and those that aired more than AIRINGS_KEEP_DAYS ago.

    By its schedule, after the calendar's sync. A failure leaves them for the next time.
    """
    with ratingo.open() as ctx:
        report = prune_calendar(ctx)
    context.instance.add_run_tags(context.run.run_id, {SUMMARY_TAG: f"{counted(report.deleted, 'episode')} removed"})
    return dg.MaterializeResult(metadata=of_prune(report))
