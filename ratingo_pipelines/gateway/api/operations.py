"""The operations that can be triggered, and their answers: from what a run recorded to the guide's fields. Pure.

`success` is false only where the operation itself could not run; titles that failed are counted and listed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ratingo_pipelines.defs.partitions import AIRINGS, STALE_AIRINGS, key
from ratingo_pipelines.gateway.api.progress import listed, stamp
from ratingo_pipelines.gateway.api.runs import Run
from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.storage.failures import Failure

Metadata = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What is known of a run that ended: what it recorded by asset, the titles that failed, why it ended early."""

    run: Run
    recorded: Mapping[str, Metadata] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    reason: str = ""

    def of(self, asset: str) -> Metadata:
        """The metadata recorded of an asset; none, if the run did not come to it."""
        return self.recorded.get(asset, {})


@dataclass(frozen=True)
class Operation:
    """A job, what it reports by (the first asset always, if it could run at all), and its answer's own fields."""

    job: str
    medium: Medium
    reports: tuple[dg.AssetKey, ...]
    fields: Callable[[Facts], dict[str, Any]]

    def answer(self, facts: Facts) -> dict[str, Any]:
        """The answer to whoever triggered the run, or asks for it later."""
        report = facts.of(self.reports[0].path[-1])
        stopped = report.get("stopped")
        if not report or (stopped and not report.get("succeeded")):
            reason = stopped or facts.reason
            return {"success": False, "runId": facts.run.id, "error": reason, **_errors(facts)}
        answer = {"success": True, **self.fields(facts), "runId": facts.run.id}
        return answer | ({"stopped": stopped} if stopped else {}) | _errors(facts)


def trending_fields(facts: Facts) -> dict[str, Any]:
    """The coordinator's."""
    report = facts.of("trending")
    return {
        "jobId": report["cycle"],
        "tasksQueued": report["eligible"],
        "totals": {"trendingFetched": report["dagster/row_count"]},
    }


def processing_fields(facts: Facts) -> dict[str, Any]:
    """The processor's."""
    report = facts.of("sync_report")
    return processed(report["succeeded"], report["failed"], report["skipped"])


def processed(succeeded: int, failed: int, skipped: int) -> dict[str, Any]:
    """Counts of titles that ended."""
    return {
        "processed": succeeded + failed + skipped,
        "succeeded": succeeded,
        "failed": failed,
        "skipped": skipped,
    }


def full_fields(facts: Facts) -> dict[str, Any]:
    """The bootstrap's: the titles of the trending list, then the operations after them."""
    report, fetched = facts.of("sync_report"), facts.of("trending")
    inserted, unchanged = report["snapshots"], report["snapshots unchanged"]
    operations = {name: _stage_counts(report, name) for name in ("omdb", "meta")}
    operations |= {"calendar": calendar_fields(facts)} if facts.of("airings") else {}
    prune = {"prune": prune_fields(facts)} if facts.of("stale_airings") else {}
    error_count = {"errorCount": report["failed"]} if report["failed"] else {}
    return {
        "jobId": fetched["cycle"],
        "updated": report["titles updated"],
        "added": report["titles added"],
        "skipped": report["titles skipped"] + fetched["dagster/row_count"] - fetched["eligible"],
        "totals": {"trendingFetched": fetched["dagster/row_count"]},
        "ratings": {"updated": report["ratings"], "bucketsUpserted": report["buckets"]},
        "snapshots": {"inserted": inserted, "unchanged": unchanged, "processed": inserted + unchanged},
        "backfill": operations,
        **prune,
        **error_count,
        "timestamp": stamp(facts.run.ended_at),
    }


def backfill_fields(facts: Facts) -> dict[str, Any]:
    """A backfill's: `updated` titles have their facts now."""
    report = facts.of("sync_report")
    counts = processed(report["succeeded"], report["failed"], report["skipped"])
    notes = {"notes": report["notes"]} if "notes" in report else {}
    return {"updated": report["updated"], **counts, **notes}


def calendar_fields(facts: Facts) -> dict[str, Any]:
    """The calendar sync's, in episodes; those that air no longer as announced are `deleted`."""
    report = facts.of("airings")
    return {
        "processed": report["dagster/row_count"],
        "inserted": report["inserted"],
        "updated": report["updated"],
        "deleted": report["deleted"],
    }


def prune_fields(facts: Facts) -> dict[str, Any]:
    """The prune's, in episodes."""
    return {"deleted": facts.of("stale_airings")["deleted"]}


def _stage_counts(report: Metadata, name: str) -> dict[str, Any]:
    return {count: report[f"{name} {count}"] for count in ("updated", "failed", "skipped")}


def _errors(facts: Facts) -> dict[str, Any]:
    return {"errors": listed(facts.failures)} if facts.failures else {}


def _operations_of(medium: Medium) -> list[Operation]:
    report, trending = key(medium, "sync_report"), key(medium, "trending")
    return [
        Operation(f"{medium}_trending", medium, (trending,), trending_fields),
        Operation(f"{medium}_sync", medium, (report,), processing_fields),
        Operation(f"{medium}_full_sync", medium, (report, trending, AIRINGS, STALE_AIRINGS), full_fields),
        Operation(f"{medium}_omdb_backfill", medium, (report,), backfill_fields),
        Operation(f"{medium}_meta_backfill", medium, (report,), backfill_fields),
    ]


OPERATIONS = {
    operation.job: operation
    for operation in [
        *(operation for medium in MEDIA for operation in _operations_of(medium)),
        Operation("shows_calendar_sync", SHOWS, (AIRINGS,), calendar_fields),
        Operation("shows_calendar_prune", SHOWS, (STALE_AIRINGS,), prune_fields),
    ]
}
