"""What Dagster is told of titles and syncs: materializations and their metadata, from the core's outcomes. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

import dagster as dg

from ratingo_pipelines.defs.markdown import escaped, listed, table
from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.defs.run_report import RunReport, entry
from ratingo_pipelines.measures.sparkline import as_markdown_image, histogram_svg, svg
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.cycles import CycleTitle
from ratingo_pipelines.sync.movement import Movement
from ratingo_pipelines.sync.overview import TopEntry
from ratingo_pipelines.sync.report import (
    BatchReport,
    CalendarReport,
    PruneReport,
    StageCounts,
    TitleOutcome,
    TitleStatus,
    TrendingReport,
)
from ratingo_pipelines.sync.selection import FRESH
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines.text import visible

Value = dg.MetadataValue | str | int | float
Metadata = dict[str, Value]
NOT_IN_CYCLE = "the latest cycle does not name the title, so it has no new watchers"
MOVES_NAMED = 5
VOTES, WATCHERS = "Votes at Trakt, 1 to 10", "Watchers of the last 30 days"
POSTERS = "https://image.tmdb.org/t/p/w185"


def of_title(
    medium: Medium,
    keys: Iterable[dg.AssetKey],
    outcome: TitleOutcome,
    watchers_by_day: Callable[[int], Sequence[int | None]],
) -> Iterator[dg.AssetMaterialization]:
    """A materialization for each of `keys` whose part of the title is stored, or that is skipped for a reason."""
    metadata = title_metadata(medium, outcome)
    for asset_key in keys:
        stage = asset_key.path[-1]
        drawn: Metadata = {}
        if stage in outcome.stored:
            drawn = _drawn(stage, outcome, watchers_by_day)
        elif outcome.status is TitleStatus.DONE and (stage == TitleStage.SPARKLINES or outcome.reason):
            drawn = {"skipped": outcome.reason or NOT_IN_CYCLE}
        elif outcome.reason == FRESH:
            drawn = _drawn(stage, outcome, watchers_by_day)
        elif outcome.status is not TitleStatus.SKIPPED:
            continue
        if stage in outcome.row_counts:
            drawn["dagster/partition_row_count"] = outcome.row_counts[stage]
        yield dg.AssetMaterialization(asset_key, partition=str(outcome.tmdb_id), metadata={**metadata, **drawn})


def of_failed(keys: Iterable[dg.AssetKey], outcome: TitleOutcome) -> Iterator[tuple[dg.AssetKey, dg.AssetObservation]]:
    """Why those of `keys` failed whose part of the title is not stored: shown at the asset's partition."""
    if outcome.status is not TitleStatus.ERROR:
        return
    reasons = {failure.stage: failure.reason for failure in outcome.failures}
    for asset_key in keys:
        stage = asset_key.path[-1]
        if stage in outcome.stored:
            continue
        reason = visible(reasons.get(stage) or outcome.reason or "")
        yield (
            asset_key,
            dg.AssetObservation(
                asset_key,
                partition=str(outcome.tmdb_id),
                description=reason,
                metadata={"title": outcome.title, "failed": reason, "kept": "what was stored before"},
            ),
        )


def of_unreported(medium: Medium, asset_key: dg.AssetKey, place: CycleTitle) -> dg.AssetMaterialization:
    """The materialization of a title that a run stored and did not live to report."""
    metadata: Metadata = {
        "title": place.title or str(place.tmdb_id),
        "TMDB": dg.MetadataValue.url(_tmdb(medium, place.tmdb_id)),
        "watchers": place.watchers,
        "notes": "stored by a run that ended before it could say so",
    }
    return dg.AssetMaterialization(asset_key, partition=str(place.tmdb_id), metadata=metadata)


def title_metadata(medium: Medium, outcome: TitleOutcome) -> Metadata:
    """What a person wants to see of one title."""
    metadata: Metadata = {"title": outcome.title, "TMDB": dg.MetadataValue.url(_tmdb(medium, outcome.tmdb_id))}
    if outcome.status is TitleStatus.SKIPPED:
        metadata["skipped"] = outcome.reason or ""
    else:
        metadata["rows written"] = outcome.rows_written
    if outcome.seconds is not None:
        metadata["seconds"] = outcome.seconds
    if outcome.title_uk is not None:
        metadata["title in Ukrainian"] = outcome.title_uk
    if outcome.imdb_id is not None:
        metadata["IMDb"] = dg.MetadataValue.url(f"https://www.imdb.com/title/{outcome.imdb_id}/")
    if outcome.poster is not None:
        metadata["poster"] = dg.MetadataValue.md(f"![poster]({POSTERS}{quote(outcome.poster)})")
    # Where the gateway serves this UI, at whatever address; a bare `dagster dev` has no such page.
    metadata["page"] = dg.MetadataValue.url(f"/watching/titles/{medium.plural}/{outcome.tmdb_id}")
    if outcome.trakt is not None:
        metadata["Trakt"] = dg.MetadataValue.url(f"https://trakt.tv/{medium.plural}/{outcome.trakt}")
    if outcome.watchers is not None:
        metadata["watchers"] = outcome.watchers
    if outcome.score is not None:
        metadata["score"] = outcome.score
    return metadata


def _drawn(stage: str, outcome: TitleOutcome, watchers_by_day: Callable[[int], Sequence[int | None]]) -> Metadata:
    """A small picture where there is one to draw."""
    if stage == TitleStage.RATINGS and outcome.distribution:
        picture = as_markdown_image(histogram_svg(outcome.distribution, label=VOTES), VOTES)
        return {"distribution": dg.MetadataValue.md(picture)}
    if stage == TitleStage.SPARKLINES:
        picture = as_markdown_image(svg(watchers_by_day(outcome.tmdb_id), label=WATCHERS), WATCHERS)
        return {"watchers by day": dg.MetadataValue.md(picture)}
    return {}


def _tmdb(medium: Medium, tmdb_id: int) -> str:
    return f"https://www.themoviedb.org/{medium.tmdb_path}/{tmdb_id}"


def of_trending(
    medium: Medium, report: TrendingReport, top: Sequence[TopEntry], moves: Movement | None = None
) -> Metadata:
    """Metadata of a fetch of the trending list, with the top of the list and how it moved as tables."""
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
        "top": dg.MetadataValue.md(_top_table(medium, top)),
        **({"moves": dg.MetadataValue.md(_moves_table(medium, moves))} if moves else {}),
        **_notes(report.notes),
        **entry(RunReport(trending=report)),
    }


def _top_table(medium: Medium, top: Sequence[TopEntry]) -> str:
    rows = [
        (
            str(entry.rank),
            f"[{escaped(entry.title)}]({_tmdb(medium, entry.tmdb_id)})",
            str(entry.watchers),
            "new" if entry.change is None else f"{entry.change:+}",
            f"[poster]({POSTERS}{quote(entry.poster)})" if entry.poster else "",
        )
        for entry in top
    ]
    return table(["#", "title", "watchers", "change", "poster"], rows, "rlrrl")


def _moves_table(medium: Medium, found: Movement) -> str:
    """How many titles moved how, against the cycle before, and the first of each."""
    kinds = {"new": found.new, "gone": found.gone, "risen": found.risen, "fallen": found.fallen}
    rows = [
        (
            name,
            str(len(moves)),
            ", ".join(f"[{escaped(move.title)}]({_tmdb(medium, move.tmdb_id)})" for move in moves[:MOVES_NAMED]),
        )
        for name, moves in kinds.items()
    ]
    return table(["", "titles", "first of them"], rows, "lrl")


def of_calendar(report: CalendarReport) -> Metadata:
    """Metadata of a calendar sync."""
    return {
        "dagster/row_count": report.processed,
        "inserted": report.inserted,
        "updated": report.updated,
        "deleted": report.deleted,
        "requests": sum(report.requests.values()),
        "seconds": report.seconds,
        **_notes(report.notes),
        **entry(RunReport(calendar=report)),
    }


def of_dataset(reports: Sequence[BatchReport]) -> Metadata:
    """Metadata of a reading of a whole dataset, of all media."""
    stages = tuple(report.counts for report in reports)
    notes = tuple(dict.fromkeys(note for stage in stages for note in stage.notes))
    return {
        "dagster/row_count": sum(stage.succeeded for stage in stages),
        "updated": sum(stage.updated for stage in stages),
        "lacking": sum(stage.skipped for stage in stages),
        "seconds": max((stage.seconds for stage in stages), default=0.0),
        **_notes(notes),
        **entry(RunReport(stages=stages)),
    }


def of_prune(report: PruneReport) -> Metadata:
    """Metadata of a prune."""
    return {"deleted": report.deleted, "seconds": report.seconds, **entry(RunReport(pruned=report))}


def of_fetch(medium: Medium, report: TrendingReport) -> dg.AssetMaterialization:
    """The `sync_report` of a run that only fetched the trending list."""
    numbers: Metadata = {
        "fetched": report.fetched,
        "eligible": report.eligible,
        "skipped": sum(report.skipped.values()),
    }
    return _report(medium, "trending", numbers, report.requests, report.seconds)


def of_airings(medium: Medium, report: CalendarReport) -> dg.AssetMaterialization:
    """The `sync_report` of a run that only synced the calendar."""
    numbers: Metadata = {
        "fetched": report.processed,
        "added": report.inserted,
        "updated": report.updated,
        "deleted": report.deleted,
    }
    return _report(medium, "calendar", numbers, report.requests, report.seconds)


def _report(
    medium: Medium, stage: str, numbers: Metadata, requests: Mapping[str, int], seconds: float
) -> dg.AssetMaterialization:
    cost: Metadata = {"requests": sum(requests.values()), "seconds": seconds, "stages": stage}
    return dg.AssetMaterialization(key(medium, "sync_report"), metadata={**numbers, **cost})


def of_report(medium: Medium, reports: Iterable[BatchReport]) -> dg.AssetMaterialization:
    """The `sync_report` of a run: counts as numbers, so that Dagster plots them over time."""
    stages = tuple(report.counts for report in reports)
    numbers: Metadata = {
        "fetched": sum(stage.fetched for stage in stages),
        "added": sum(stage.added for stage in stages),
        "updated": sum(stage.updated for stage in stages),
        "succeeded": sum(stage.succeeded for stage in stages),
        "skipped": sum(stage.skipped for stage in stages),
        "failed": sum(stage.failed for stage in stages),
        "ratings": sum(stage.ratings for stage in stages),
        "buckets": sum(stage.buckets for stage in stages),
        "snapshots": sum(stage.snapshots for stage in stages),
        "snapshots unchanged": sum(stage.snapshots_unchanged for stage in stages),
        "requests": sum(stage.requests for stage in stages),
        "seconds": round(sum(stage.seconds for stage in stages), 3),
    }
    texts: Metadata = {"stages": ", ".join(stage.stage for stage in stages)}
    stopped = [f"{stage.stage}: {stage.stopped}" for stage in stages if stage.stopped]
    if stopped:
        texts["stopped"] = "; ".join(stopped)
    if len(stages) > 1:
        for stage in stages:
            numbers |= _stage_numbers(stage)
    notes = _notes(tuple(note for stage in stages for note in stage.notes))
    said = {**numbers, **texts, **notes, **entry(RunReport(stages=stages))}
    return dg.AssetMaterialization(key(medium, "sync_report"), metadata=said)


def _stage_numbers(stage: StageCounts) -> dict[str, Value]:
    return {
        f"{stage.stage} added": stage.added,
        f"{stage.stage} updated": stage.updated,
        f"{stage.stage} skipped": stage.skipped,
        f"{stage.stage} failed": stage.failed,
    }


def _notes(notes: tuple[str, ...]) -> dict[str, dg.MetadataValue]:
    return {"notes": dg.MetadataValue.md(listed(notes))} if notes else {}
