"""Policies that hold for many definitions, said once: owners, priorities, tags, freshness."""

from datetime import timedelta
from math import ceil
from typing import Any

import dagster as dg

from ratingo_pipelines.cron import longest_gap
from ratingo_pipelines.dagster_instance.attribution import MEDIUM_TAG
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import OFF, Settings

OWNERS = ["team:ratingo"]

CYCLE, RETRY, BACKFILL = 10, 5, -10
"""Priorities in the queue: cycles go before retries, retries before backfills, those of the UI (0) among them."""
CYCLE_TAG = ".dagster/ratingo_cycle"
"""On runs that work off a cycle: its id. Tags that begin so are kept from people's eyes, and found by programs
(`HIDDEN_TAG_PREFIX` of `dagster._core.storage.tags`)."""
MAX_RUNTIME_TAG = "dagster/max_runtime"
"""Dagster's own: the seconds after which it ends a run, in place of the instance's."""
SUMMARY_TAG = "ratingo/headline"
"""On runs that came to their end: what a person wants to read in the list of runs."""
UNDER_WAY = "not over yet"
"""The headline until then: the tag that is there first is shown first."""

KEPT_FRESH_BY = {
    "shows/trending": "shows_trending",
    "movies/trending": "movies_trending",
    "shows/airings": "shows_calendar_sync",
    "shows/stale_airings": "shows_calendar_prune",
    "shows/sync_report": "shows_trending",
    "movies/sync_report": "movies_trending",
}
"""The assets that grow old, by the scheduled job that renews them."""
WARNS_AFTER, FAILS_AFTER = timedelta(hours=1), timedelta(hours=2)
"""Beyond the longest gap of its schedule an asset may be so much older before that is a warning, and a failure."""
SECONDS_AT_LEAST = 900
"""What every run may take: `max_runtime_seconds` of the instance files, which runs over many titles raise."""
SLACK = 2
"""A run may take so many times what the APIs' limits make it take, as they are shared and requests are repeated."""


def with_freshness(settings: Settings, spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset with the age that follows from its schedule; without one where nothing renews it by itself."""
    job = KEPT_FRESH_BY.get(spec.key.to_user_string())
    if job is None or settings.crons[job] == OFF:
        return spec
    gap = longest_gap(settings.crons[job])
    policy = dg.FreshnessPolicy.time_window(fail_window=gap + FAILS_AFTER, warn_window=gap + WARNS_AFTER)
    return spec.replace_attributes(freshness_policy=policy)


def seconds_allowed(settings: Settings, titles: int, at_least: int = SECONDS_AT_LEAST) -> int:
    """How long a run may take for so many titles, beyond `at_least`: Trakt is asked twice about each, TMDB once."""
    asked = max(2 * titles / settings.trakt_rate_limit.per_second, titles / settings.tmdb_rate_limit.per_second)
    return at_least + ceil(SLACK * asked)


def common(group: str) -> dict[str, Any]:
    """What all assets of a group have in common."""
    return {"group_name": group, "owners": OWNERS}


def run_tags(medium: Medium, priority: int) -> dict[str, str]:
    """Tags of a job's runs."""
    return {SUMMARY_TAG: UNDER_WAY, "dagster/priority": str(priority), MEDIUM_TAG: medium.plural}
