"""Jobs, named as people say them: `shows_sync`, `movies_omdb_backfill`.

A job that works off whatever is due is a job of ops over the same functions the assets call, and logs the same
materializations: Dagster would skip assets downstream of logged events, and would split scattered keys into many
runs. Each op is a stage; its failed titles stop no later stage, and the last op fails the run for all of them.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ratingo_pipelines.defs.failures import raise_if_any_failed
from ratingo_pipelines.defs.keys import AIRINGS, STALE_AIRINGS, key, part_keys
from ratingo_pipelines.defs.listener import Listener
from ratingo_pipelines.defs.materializations import of_calendar, of_prune, of_report, of_trending
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.defs.title_pipeline import fetch_trending
from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines.sync.report import BatchReport
from ratingo_pipelines.sync.titles import sync_ids, sync_pending

CYCLE, BACKFILL = 10, -10
"""Priorities in the queue: cycles go before backfills."""


class DueConfig(dg.Config):
    """Launchpad configuration of the jobs that work off what is due."""

    limit: int | None = None
    """At most so many titles; all that are due if unset."""


class SyncConfig(DueConfig):
    """Launchpad configuration of `*_sync`."""

    ids: list[int] | None = None
    """These titles (TMDB ids) instead of those pending in the latest cycle."""
    force: bool = False
    """With ids: fetch also those that are done in the latest cycle."""


def stages(medium: Medium) -> dict[str, dg.OpDefinition]:
    """The ops of a medium's jobs; each takes the reports of the stages before it and hands them on with its own."""
    common: dict[str, Any] = {"pool": medium.plural, "ins": {"before": dg.In(list, default_value=[])}}

    @dg.op(name=f"{medium}_fetch_trending", **common)
    def fetch(context: dg.OpExecutionContext, ratingo: RatingoResource, before: list) -> list[BatchReport]:
        """Fetch the trending list and open a cycle."""
        with ratingo.open() as kit:
            report = fetch_trending(context, kit, medium)
        context.log_event(dg.AssetMaterialization(key(medium, "trending"), metadata=of_trending(medium, report)))
        return before

    @dg.op(name=f"{medium}_sync_titles", **common)
    def titles(
        context: dg.OpExecutionContext, config: SyncConfig, ratingo: RatingoResource, before: list
    ) -> list[BatchReport]:
        """Work off the pending titles of the latest cycle, or those asked for."""
        listener = Listener(context, medium, list(part_keys(medium)))
        with ratingo.open() as kit:
            if config.ids:
                report = sync_ids(
                    kit,
                    medium,
                    context.run_id,
                    config.ids[: config.limit],
                    force=config.force,
                    on_start=listener.on_start,
                    on_outcome=listener.on_outcome,
                )
            else:
                report = sync_pending(
                    kit,
                    medium,
                    context.run_id,
                    limit=config.limit,
                    on_start=listener.on_start,
                    on_outcome=listener.on_outcome,
                )
        return [*before, report]

    @dg.op(name=f"{medium}_backfill_omdb", **common)
    def omdb(
        context: dg.OpExecutionContext, config: DueConfig, ratingo: RatingoResource, before: list
    ) -> list[BatchReport]:
        """Ask OMDb about the titles that lack its ratings, as far as the day's quota goes."""
        listener = Listener(context, medium, [key(medium, "omdb")])
        with ratingo.open() as kit:
            report = backfill_omdb(
                kit,
                medium,
                limit=config.limit,
                on_start=listener.on_start,
                on_outcome=listener.on_outcome,
            )
        return [*before, report]

    @dg.op(name=f"{medium}_backfill_meta", **common)
    def meta(
        context: dg.OpExecutionContext, config: DueConfig, ratingo: RatingoResource, before: list
    ) -> list[BatchReport]:
        """Complete titles whose metadata are incomplete, stubs of related titles among them."""
        listener = Listener(context, medium, [key(medium, "details")])
        with ratingo.open() as kit:
            report = backfill_meta(
                kit,
                medium,
                context.run_id,
                limit=config.limit,
                on_start=listener.on_start,
                on_outcome=listener.on_outcome,
            )
        return [*before, report]

    @dg.op(name=f"{medium}_conclude")
    def conclude(context: dg.OpExecutionContext, reports: list) -> None:
        """Report the counts of all stages; fail the run if titles failed."""
        context.log_event(of_report(medium, reports))
        context.instance.add_run_tags(context.run_id, _headline(reports))
        for note in (note for report in reports for note in report.notes):
            context.log.warning(note)
        raise_if_any_failed(reports)

    return {"fetch": fetch, "titles": titles, "omdb": omdb, "meta": meta, "conclude": conclude}


@dg.op(pool=SHOWS.plural)
def shows_calendar(context: dg.OpExecutionContext, ratingo: RatingoResource, before: list) -> list[BatchReport]:
    """Write the coming episodes of the shows that the site lists, and prune the calendar."""
    with ratingo.open() as kit:
        synced, pruned = sync_calendar(kit), prune_calendar(kit)
    context.log_event(dg.AssetMaterialization(AIRINGS, metadata=of_calendar(synced)))
    context.log_event(dg.AssetMaterialization(STALE_AIRINGS, metadata=of_prune(pruned)))
    return before


def title_jobs(medium: Medium, calendar: Sequence[dg.OpDefinition]) -> list[dg.JobDefinition]:
    """The jobs of a medium that are made of ops; `calendar` are the further stages of its full sync."""
    ops = stages(medium)

    def job(name: str, description: str, chain: Sequence[dg.OpDefinition], priority: int) -> dg.JobDefinition:
        @dg.job(
            name=f"{medium}_{name}",
            description=description,
            executor_def=dg.in_process_executor,
            tags={"dagster/priority": str(priority), "ratingo/medium": medium.plural},
        )
        def chained() -> None:
            first, *rest = chain
            reports = first()
            for op in rest:
                reports = op(reports)
            ops["conclude"](reports)

        return chained

    bootstrap = [ops["fetch"], ops["titles"], ops["omdb"], ops["meta"], *calendar]
    return [
        job("sync", f"Works off the {medium} pending in the latest cycle, or ids.", [ops["titles"]], CYCLE),
        job("full_sync", f"Bootstrap or catch-up: everything for {medium} in one run.", bootstrap, CYCLE),
        job("omdb_backfill", f"OMDb ratings of the {medium} that lack them.", [ops["omdb"]], BACKFILL),
        job("meta_backfill", f"Metadata of incomplete {medium}, stubs among them.", [ops["meta"]], BACKFILL),
    ]


def asset_job(name: str, asset_key: dg.AssetKey, medium: Medium, priority: int) -> Any:
    """A job that materializes one unpartitioned asset."""
    return dg.define_asset_job(
        name,
        selection=[asset_key],
        tags={"dagster/priority": str(priority), "ratingo/medium": medium.plural},
    )


JOBS = [
    *title_jobs(SHOWS, [shows_calendar]),
    *title_jobs(MOVIES, []),
    *(asset_job(f"{medium}_trending", key(medium, "trending"), medium, CYCLE) for medium in MEDIA),
    asset_job("shows_calendar_sync", AIRINGS, SHOWS, BACKFILL),
    asset_job("shows_calendar_prune", STALE_AIRINGS, SHOWS, BACKFILL),
]


def _headline(reports: list[BatchReport]) -> dict[str, str]:
    """Run tags: what a person wants to read in the list of runs."""
    failed = sum(report.failed for report in reports)
    return {
        "ratingo/succeeded": str(sum(report.succeeded for report in reports)),
        "ratingo/failed": str(failed),
    }
