"""What Dagster is told of titles and syncs: materializations and their metadata, from the core's outcomes. Pure."""

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from ratingo_pipelines.defs.keys import key
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.report import (
    BatchReport,
    CalendarReport,
    PruneReport,
    Status,
    TitleOutcome,
    TrendingReport,
)

Metadata = Mapping[str, dg.MetadataValue | str | int | float]


def of_title(medium: Medium, keys: Iterable[dg.AssetKey], outcome: TitleOutcome) -> Iterator[dg.AssetMaterialization]:
    """A materialization for each of `keys` whose part of the title is stored, or that is skipped for a reason."""
    metadata = title_metadata(medium, outcome)
    for asset_key in keys:
        if asset_key.path[-1] in outcome.stored or outcome.status is Status.SKIPPED:
            yield dg.AssetMaterialization(asset_key, partition=str(outcome.tmdb_id), metadata=metadata)


def title_metadata(medium: Medium, outcome: TitleOutcome) -> dict[str, dg.MetadataValue | str | int | float]:
    """What a person wants to see of one title."""
    tmdb = f"https://www.themoviedb.org/{medium.tmdb_path}/{outcome.tmdb_id}"
    metadata: dict[str, dg.MetadataValue | str | int | float] = {
        "title": outcome.title,
        "TMDB": dg.MetadataValue.url(tmdb),
    }
    if outcome.status is Status.SKIPPED:
        metadata["skipped"] = outcome.reason or ""
        return metadata
    metadata["rows written"] = outcome.rows_written
    if outcome.trakt is not None:
        metadata["Trakt"] = dg.MetadataValue.url(f"https://trakt.tv/{medium.plural}/{outcome.trakt}")
    if outcome.watchers is not None:
        metadata["watchers"] = outcome.watchers
    if outcome.score is not None:
        metadata["score"] = outcome.score
    return metadata


def of_trending(medium: Medium, report: TrendingReport) -> dict[str, dg.MetadataValue | str | int | float]:
    """Metadata of a fetch of the trending list."""
    return {
        "cycle": report.cycle_id,
        "cycle at": dg.MetadataValue.timestamp(report.cycle_at),
        "dagster/row_count": report.fetched,
        "eligible": report.eligible,
        "skipped": dg.MetadataValue.json(dict(report.skipped)),
        "largest number of watchers": report.max_watchers,
        "months fetched": ", ".join(report.months_fetched) or "none",
        "requests": sum(report.requests.values()),
        "seconds": report.seconds,
        **_notes(report.notes),
    }


def of_calendar(report: CalendarReport) -> dict[str, int | float]:
    """Metadata of a calendar sync."""
    return {
        "dagster/row_count": report.processed,
        "inserted": report.inserted,
        "updated": report.updated,
        "deleted": report.deleted,
        "seconds": report.seconds,
    }


def of_prune(report: PruneReport) -> dict[str, int | float]:
    """Metadata of a prune."""
    return {"deleted": report.deleted, "seconds": report.seconds}


def of_report(medium: Medium, reports: Iterable[BatchReport]) -> dg.AssetMaterialization:
    """The `sync_report` of a run: counts as numbers, so that Dagster plots them over time."""
    reports = list(reports)
    numbers: dict[str, int | float] = {
        "fetched": sum(report.fetched for report in reports),
        "added": sum(report.added for report in reports),
        "updated": sum(report.updated for report in reports),
        "succeeded": sum(report.succeeded for report in reports),
        "skipped": sum(sum(report.skipped.values()) for report in reports),
        "failed": sum(report.failed for report in reports),
        "ratings": sum(report.ratings for report in reports),
        "buckets": sum(report.buckets for report in reports),
        "snapshots": sum(report.snapshots for report in reports),
        "snapshots unchanged": sum(report.snapshots_unchanged for report in reports),
        "requests": sum(sum(report.requests.values()) for report in reports),
        "seconds": round(sum(report.seconds for report in reports), 3),
    }
    notes = tuple(note for report in reports for note in report.notes)
    texts = {"stages": ", ".join(report.stage for report in reports)}
    stopped = [f"{report.stage}: {report.stopped}" for report in reports if report.stopped]
    if stopped:
        texts["stopped"] = "; ".join(stopped)
    if len(reports) > 1:
        for report in reports:
            numbers.update(_stage_numbers(report))
    return dg.AssetMaterialization(key(medium, "sync_report"), metadata={**numbers, **texts, **_notes(notes)})


def _stage_numbers(report: BatchReport) -> dict[str, int]:
    return {
        f"{report.stage} added": report.added,
        f"{report.stage} updated": report.updated,
        f"{report.stage} skipped": sum(report.skipped.values()),
        f"{report.stage} failed": report.failed,
    }


def _notes(notes: tuple[str, ...]) -> dict[str, dg.MetadataValue]:
    return {"notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in notes))} if notes else {}
