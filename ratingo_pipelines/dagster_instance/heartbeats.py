"""Signs of life of the daemons that an instance needs: schedules, sensors, the queue, backfills."""

import time
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

HEARTBEAT_SECONDS = 120
"""A daemon gives one every 30 (`dagster._daemon.controller`, DEFAULT_HEARTBEAT_INTERVAL_SECONDS). Dagster itself is
content with one of half an hour ago (DEFAULT_DAEMON_HEARTBEAT_TOLERANCE_SECONDS there)."""


def heartbeat_ages(instance: dg.DagsterInstance) -> dict[str, float | None]:
    """How many seconds ago each daemon gave one; None for one that never did."""
    now = time.time()
    statuses = [status for status in instance.get_daemon_statuses().values() if status.required]
    return {status.daemon_type: status.last_heartbeat and now - status.last_heartbeat.timestamp for status in statuses}


def heartbeat_ages_in(home: Path) -> dict[str, float | None]:
    """The same of the instance in a folder with a dagster.yaml."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return heartbeat_ages(instance)


def silent(ages: Mapping[str, float | None]) -> list[str]:
    """The daemons that give no sign of life."""
    return sorted(name for name, age in ages.items() if age is None or age > HEARTBEAT_SECONDS)
