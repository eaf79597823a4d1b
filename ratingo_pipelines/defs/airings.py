"""The calendar's assets: coming episodes, and pruning. Shows only: movies have no episodes."""

import dagster as dg

from ratingo_pipelines.defs.keys import AIRINGS, STALE_AIRINGS, key
from ratingo_pipelines.defs.materializations import of_calendar, of_prune
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar

GROUP = "calendar"
OWNERS = ["team:ratingo"]


@dg.asset(key=AIRINGS, group_name=GROUP, owners=OWNERS, kinds={"trakt"}, deps=[key(SHOWS, "trending")])
def airings(ratingo: RatingoResource) -> dg.MaterializeResult:
    """Episodes of the coming days, for the shows that the site lists."""
    with ratingo.open() as kit:
        report = sync_calendar(kit)
    return dg.MaterializeResult(metadata=of_calendar(report))


@dg.asset(key=STALE_AIRINGS, group_name=GROUP, owners=OWNERS, kinds={"python"}, deps=[AIRINGS])
def stale_airings(ratingo: RatingoResource) -> dg.MaterializeResult:
    """Prunes airings of shows the site does not list, and those long aired."""
    with ratingo.open() as kit:
        report = prune_calendar(kit)
    return dg.MaterializeResult(metadata=of_prune(report))
