"""The assets of one medium, made by one factory called with two values.

Jobs that work off whatever is due are in `jobs`; what exists for shows only (the calendar) is in `airings`.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg
from pydantic import Field

from ratingo_pipelines.defs.conclusion import raise_if_any_failed, tag_summary
from ratingo_pipelines.defs.cycle import fetch_trending, take_over, trending_metadata
from ratingo_pipelines.defs.listener import followed
from ratingo_pipelines.defs.materializations import of_fetch
from ratingo_pipelines.defs.partitions import MONTHS, TITLES, key, stage_keys, title_ids
from ratingo_pipelines.defs.policies import common
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.defs.runs import ASSETS_ALONE
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.backfill import WITH_ASSET
from ratingo_pipelines.sync.monthly import fetch_month, kept_titles
from ratingo_pipelines.sync.report import BatchReport
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.work import TitleStage

BATCH = dg.BackfillPolicy.multi_run(max_partitions_per_run=250)
PARTITION_TAG, BACKFILL_TAG = "dagster/partition", "dagster/backfill"


class TitlesConfig(dg.Config):
    """Launchpad configuration of the runs over titles' partitions."""

    force: bool = Field(
        default=False,
        description="Fetch titles again that are fresh: done in the latest cycle, or asked about recently.",
    )


_KEPT = (
    "A failed partition keeps what was stored before, and is tried again by itself, with growing pauses; "
    "its page says why."
)
TRENDING = (
    "What the world is watching now: up to TRENDING_LIMIT {medium}, and a cycle over them, a place for "
    "each title, pending or skipped. From Trakt, or from TMDB's weekly list while Trakt gives none "
    "(TRENDING_SOURCE). By its schedule, and again soon where no cycle came of it. A failure means that "
    "there is no new cycle: what the site lists stays as it is."
)
WATCHED_MONTHLY = (
    "Trakt's most watched {medium} of a complete month, which the changes over three months compare. "
    "`trending` fetches the months that are missing, each once, as they never change again. A failure "
    "leaves what is kept."
)
DESCRIPTIONS = {
    TitleStage.DETAILS: (
        "All that TMDB tells of a title in one call: texts in Ukrainian and English, posters, cast, "
        "trailers, providers, certifications, related titles. In each cycle for the titles of its list, "
        f"by the meta backfill for those that are incomplete. {_KEPT}"
    ),
    TitleStage.RATINGS: (
        "Trakt's average, votes and their distribution, and the scores that follow from all ratings. In "
        f"each cycle for the titles of its list. {_KEPT}"
    ),
    TitleStage.SPARKLINES: (
        "How many are watching a title, as a snapshot of the cycle, with the changes since the last one "
        "and over three months. From the list itself and `watched_monthly`; a title that the latest list "
        "does not name gets none. A failure leaves a gap: who watched cannot be asked later."
    ),
}
COMPLETING = (
    "What completes a title: {facts}. In the backfill after each cycle, as far as the source's day goes; "
    "titles that lack nothing are skipped. "
    f"{_KEPT}"
)
SYNC_REPORT = (
    "Counts of each sync, as numbers to plot over time: titles fetched, added, updated, skipped and "
    "failed, requests, seconds. Written last by every run over {medium}, also by one that fails."
)


def title_assets(medium: Medium) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """All assets of a medium."""
    shared = common(medium.plural)

    @dg.asset(
        key=key(medium, "trending"),
        kinds={"trakt"},
        pool=medium.plural,
        description=TRENDING.format(medium=medium),
        **shared,
    )
    def trending(context: dg.AssetExecutionContext, ratingo: RatingoResource) -> dg.MaterializeResult:
        with ratingo.open() as ctx:
            report = fetch_trending(context, ctx, medium)
            metadata = trending_metadata(ctx, medium, report)
        context.log_event(of_fetch(medium, report))
        return dg.MaterializeResult(metadata=metadata)

    @dg.asset(
        key=key(medium, "watched_monthly"),
        kinds={"trakt"},
        partitions_def=MONTHS,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        description=WATCHED_MONTHLY.format(medium=medium),
        # Apart from the titles: the UI launches a group whole only where all its roots have the same partitions.
        **common("months"),
    )
    def watched_monthly(context: dg.AssetExecutionContext, ratingo: RatingoResource) -> dg.MaterializeResult:
        month = date.fromisoformat(context.partition_key).strftime("%Y-%m")
        with ratingo.open() as ctx:
            count = fetch_month(ctx, medium, month)
            kept = count if count is not None else kept_titles(ctx, medium, month)
        note = (
            {} if count is not None else {"notes": "Trakt says that it has no list of this month; what is kept stays"}
        )
        return dg.MaterializeResult(metadata={"dagster/partition_row_count": kept or 0, **note})

    # The sources of a title's sparkline, and of its changes over months.
    months = [dg.AssetDep(key(medium, "watched_monthly"), partition_mapping=dg.AllPartitionMapping())]

    # One op for all that a title has: a step downstream of one that logs its materializations would be skipped.
    @dg.multi_asset(
        name=f"{medium}_titles",
        specs=[
            *(
                dg.AssetSpec(
                    asset_key,
                    deps=[key(medium, "trending"), *(months if stage is TitleStage.SPARKLINES else ())],
                    kinds={"tmdb"} if stage is TitleStage.DETAILS else {"trakt"},
                    description=DESCRIPTIONS[stage],
                    skippable=True,
                    **shared,
                )
                for asset_key, stage in stage_keys(medium).items()
            ),
            *(
                dg.AssetSpec(
                    key(medium, backfill.asset),
                    deps=[key(medium, TitleStage.DETAILS.value)],
                    kinds={backfill.name},
                    description=COMPLETING.format(facts=backfill.facts),
                    skippable=True,
                    **shared,
                )
                for backfill in WITH_ASSET
            ),
        ],
        partitions_def=TITLES[medium],
        backfill_policy=BATCH,
        can_subset=True,
        pool=medium.plural,
    )
    def titles(
        context: dg.AssetExecutionContext, config: TitlesConfig, ratingo: RatingoResource
    ) -> Iterator[dg.MaterializeResult]:
        chosen = context.selected_asset_keys
        stages = {asset_key: stage for asset_key, stage in stage_keys(medium).items() if asset_key in chosen}
        ids, force, reports = _ids(context), config.force or _is_a_persons_wish(context), []
        with ratingo.open() as ctx:
            if stages:
                take_over(context, ctx, medium)
                with followed(context, ctx, medium, list(stages)) as follower:
                    wanted = frozenset(stages.values())
                    run_id = context.run.run_id
                    reports.append(sync_ids(ctx, medium, run_id, ids, stages=wanted, force=force, follower=follower))
            for backfill in WITH_ASSET:
                asset_key = key(medium, backfill.asset)
                if asset_key in chosen and backfill.ask_about_ids:
                    with followed(context, ctx, medium, [asset_key]) as follower:
                        reports.append(backfill.ask_about_ids(ctx, medium, ids, force=force, follower=follower))
        yield from _conclude(context, reports)

    sync_report = dg.AssetSpec(
        key(medium, "sync_report"),
        deps=list(stage_keys(medium)),
        kinds={"python"},
        description=SYNC_REPORT.format(medium=medium),
        **shared,
    )
    return [trending, watched_monthly, titles, sync_report]


def _ids(context: dg.AssetExecutionContext) -> Sequence[int]:
    keys = context.partition_keys
    if not keys:
        raise dg.Failure(
            "The run's range of partitions is empty: keys were removed since. Launch it again.",
            allow_retries=False,
        )
    ids, words = title_ids(keys)
    if words:
        said = f"no TMDB ids, so there is nothing to fetch: {', '.join(words)}. Delete these partitions."
        if not ids:
            raise dg.Failure(said, allow_retries=False)
        context.log.warning(said)
    return ids


def _is_a_persons_wish(context: dg.AssetExecutionContext) -> bool:
    """Whether somebody asked for this one title: in the UI's dialog, or by `dagster asset materialize`.

    A backfill's run carries its tag, one of our jobs its name (`BACKFILL_ID_TAG` of `dagster._core.storage.tags`).
    """
    run = context.run
    return run.job_name == ASSETS_ALONE and PARTITION_TAG in run.tags and BACKFILL_TAG not in run.tags


def _conclude(context: dg.AssetExecutionContext, reports: Sequence[BatchReport]) -> Iterator[dg.MaterializeResult]:
    """Yield nothing: the titles' materializations are logged, and an output would count for failed ones too."""
    tag_summary(context, reports)
    raise_if_any_failed(reports)
    yield from ()
