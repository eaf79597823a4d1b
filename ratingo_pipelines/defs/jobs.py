"""Jobs, named as people say them: `shows_sync`, `movies_omdb_backfill`.

A job that works off whatever is due is a job of ops over the same functions the assets call, and logs the same
materializations. Dagster would skip assets downstream of logged events, as it looks at a step's outputs
(`dagster._core.execution.plan.active`, `_should_skip_step`), and would make a run of each contiguous range of keys
(`dagster._core.definitions.automation_tick_evaluation_context`, `build_run_requests_with_backfill_policies`). What each
op does is in `ops`; when jobs start by themselves is in `schedules` and `sensors`.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ratingo_pipelines.defs.checks import CHECKS
from ratingo_pipelines.defs.imdb import imdb_job
from ratingo_pipelines.defs.ops import backfill_op, shows_calendar, stages, title_op
from ratingo_pipelines.defs.partitions import AIRINGS, STALE_AIRINGS, key, stage_keys
from ratingo_pipelines.defs.policies import BACKFILL, CYCLE, RETRY, run_tags
from ratingo_pipelines.defs.prune import prune_partitions
from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sync.backfill import BACKFILLS, BOOTSTRAP, WITH_ASSET


def title_jobs(medium: Medium, calendar: Sequence[dg.OpDefinition]) -> list[dg.JobDefinition]:
    """The jobs of a medium that are made of ops; `calendar` are the further stages of its full sync."""
    ops = stages(medium)

    def job(name: str, description: str, chain: Sequence[dg.OpDefinition], priority: int) -> dg.JobDefinition:
        @dg.job(
            name=f"{medium}_{name}",
            description=description,
            executor_def=dg.in_process_executor,
            tags=run_tags(medium, priority),
        )
        def chained() -> None:
            first, *rest = chain
            reports = first()
            for op in rest:
                reports = op(reports)
            ops["conclude"](reports)

        return chained

    backfills = {backfill: backfill_op(medium, backfill) for backfill in BACKFILLS}
    bootstrap = [ops["fetch"], ops["titles"], *(backfills[each] for each in BOOTSTRAP), *calendar]
    return [
        job("sync", f"Works off the {medium} pending in the latest cycle, or ids.", [ops["titles"]], CYCLE),
        job("title", f"One of the {medium}, in a list or not, fetched whole at once.", [title_op(medium)], CYCLE),
        job("full_sync", f"Bootstrap or catch-up: everything for {medium} in one run.", bootstrap, CYCLE),
        *(
            job(f"{backfill.name}_backfill", f"Completes {medium} that lack {backfill.facts}.", [op], BACKFILL)
            for backfill, op in backfills.items()
        ),
    ]


def asset_job(name: str, keys: Sequence[dg.AssetKey], medium: Medium, priority: int, description: str) -> Any:
    """A job that materializes assets: unpartitioned ones, or those of one title."""
    return dg.define_asset_job(name, selection=list(keys), description=description, tags=run_tags(medium, priority))


def checks_job(medium: Medium) -> Any:
    """A job of checks alone: as steps, they would be skipped in a run that only logs materializations (see above)."""
    return dg.define_asset_job(
        f"{medium}_checks",
        selection=dg.AssetSelection.checks(CHECKS[medium]),
        description=f"Whether the data of {medium} are as they should be; runs after each sync.",
        tags=run_tags(medium, BACKFILL),
    )


def _asset_jobs(medium: Medium) -> list[Any]:
    return [
        asset_job(
            f"{medium}_trending",
            [key(medium, "trending")],
            medium,
            CYCLE,
            f"Fetches the trending {medium} and opens a cycle, which the sensor then has worked off.",
        ),
        asset_job(f"{medium}_retry", list(stage_keys(medium)), medium, RETRY, "One title that failed, whole."),
        *(
            asset_job(
                f"{medium}_{backfill.name}_retry",
                [key(medium, backfill.asset)],
                medium,
                RETRY,
                f"One title that failed to get {backfill.facts}.",
            )
            for backfill in WITH_ASSET
        ),
        checks_job(medium),
        prune_partitions(medium),
    ]


JOBS = [
    *title_jobs(SHOWS, [shows_calendar]),
    *title_jobs(MOVIES, []),
    *(job for medium in MEDIA for job in _asset_jobs(medium)),
    asset_job("shows_calendar_sync", [AIRINGS], SHOWS, BACKFILL, "Episodes of the coming days."),
    asset_job("shows_calendar_prune", [STALE_AIRINGS], SHOWS, BACKFILL, "Removes airings nobody asks for any more."),
    imdb_job,
]
