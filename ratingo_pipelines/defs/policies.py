"""Policies that hold for many definitions, said once: owners, priorities, tags, freshness."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from ratingo_pipelines.media import MOVIES, SHOWS, Medium

OWNERS = ["team:ratingo"]

CYCLE, RETRY, BACKFILL = 10, 5, -10
"""Priorities in the queue: cycles go before retries, retries before backfills, those of the UI (0) among them."""
MEDIUM_TAG = "ratingo/medium"
CYCLE_TAG = "ratingo/cycle"
"""On runs that work off a cycle: its id."""
SUCCEEDED_TAG, FAILED_TAG, SUMMARY_TAG = "ratingo/succeeded", "ratingo/failed", "ratingo/headline"
"""On runs that came to their end: what a person wants to read in the list of runs."""

FRESH: Mapping[str, dg.FreshnessPolicy] = {
    SHOWS.plural: dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=8), warn_window=timedelta(hours=7)),
    MOVIES.plural: dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=25)),
}
"""The trending list of shows is fetched every 6 hours, that of movies once a day; so much is no longer a delay."""


def common(group: str) -> dict[str, Any]:
    """What all assets of a group have in common."""
    return {"group_name": group, "owners": OWNERS}


def run_tags(medium: Medium, priority: int) -> dict[str, str]:
    """Tags of a job's runs."""
    return {"dagster/priority": str(priority), MEDIUM_TAG: medium.plural}
