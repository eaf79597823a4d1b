"""The assets of one medium, made by one factory called with two values.

Jobs that work off whatever is due are in `jobs`; what exists for shows only (the calendar) is in `airings`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg

from ratingo_pipelines.defs.failures import raise_if_any_failed
from ratingo_pipelines.defs.keys import key, part_keys
from ratingo_pipelines.defs.listener import Listener
from ratingo_pipelines.defs.materializations import of_trending
from ratingo_pipelines.defs.partitions import MONTHS, TITLES, register_titles
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.sync.monthly import fetch_month
from ratingo_pipelines.sync.omdb import backfill_omdb_ids
from ratingo_pipelines.sync.report import BatchReport, TrendingReport
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.toolkit import Toolkit
from ratingo_pipelines.sync.trending import open_trending_cycle

BATCH = dg.BackfillPolicy.multi_run(max_partitions_per_run=25)
OWNERS = ["team:ratingo"]


class TitlesConfig(dg.Config):
    """Launchpad configuration of the runs over titles' partitions."""

    force: bool = False
    """Fetch titles again that are fresh: done in the latest cycle, or asked recently."""


DESCRIPTIONS = {
    "details": "Texts, posters, cast, trailers, providers, certifications, related titles: one TMDB call a title.",
    "ratings": "Trakt's average, votes and distribution, with the scores that follow from them.",
    "sparklines": "The cycle's watcher snapshot and the changes against months and snapshots before.",
}


def title_assets(medium: Medium) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """All assets of a medium."""
    common: dict[str, Any] = {"group_name": medium.plural, "owners": OWNERS}

    @dg.asset(
        key=key(medium, "trending"),
        kinds={"trakt"},
        pool=medium.plural,
        description=f"Fetches Trakt's trending {medium} and opens a cycle: a place for each title, pending or skipped.",
        **common,
    )
    def trending(context: dg.AssetExecutionContext, ratingo: RatingoResource) -> dg.MaterializeResult:
        with ratingo.open() as kit:
            report = fetch_trending(context, kit, medium)
        return dg.MaterializeResult(metadata=of_trending(medium, report))

    @dg.asset(
        key=key(medium, "watched_monthly"),
        kinds={"trakt"},
        partitions_def=MONTHS,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        description=f"Trakt's most watched {medium} of a complete month; fetched once and kept.",
        **common,
    )
    def watched_monthly(context: dg.AssetExecutionContext, ratingo: RatingoResource) -> dg.MaterializeResult:
        month = date.fromisoformat(context.partition_key).strftime("%Y-%m")
        with ratingo.open() as kit:
            count = fetch_month(kit, medium, month)
        note = {} if count is not None else {"notes": "Trakt has no list of this month"}
        return dg.MaterializeResult(metadata={"dagster/row_count": count or 0, **note})

    @dg.multi_asset(
        name=f"{medium}_titles",
        specs=[
            dg.AssetSpec(
                asset_key,
                deps=[key(medium, "trending")],
                kinds={"tmdb"} if part == "details" else {"trakt"},
                description=DESCRIPTIONS[part],
                skippable=True,
                **common,
            )
            for asset_key, part in part_keys(medium).items()
        ],
        partitions_def=TITLES[medium],
        backfill_policy=BATCH,
        can_subset=True,
        pool=medium.plural,
    )
    def titles(
        context: dg.AssetExecutionContext, config: TitlesConfig, ratingo: RatingoResource
    ) -> Iterator[dg.MaterializeResult]:
        parts = {k: part for k, part in part_keys(medium).items() if k in context.selected_asset_keys}
        listener = Listener(context, medium, list(parts))
        with ratingo.open() as kit:
            report = sync_ids(
                kit,
                medium,
                context.run_id,
                _ids(context),
                parts=frozenset(parts.values()),
                force=config.force,
                on_start=listener.on_start,
                on_outcome=listener.on_outcome,
            )
        yield from _conclude(context, report)

    @dg.multi_asset(
        name=f"{medium}_omdb",
        specs=[
            dg.AssetSpec(
                key(medium, "omdb"),
                deps=[key(medium, "details")],
                kinds={"omdb"},
                description="IMDb and Metacritic ratings from OMDb, as far as the day's quota goes.",
                skippable=True,
                **common,
            )
        ],
        partitions_def=TITLES[medium],
        backfill_policy=BATCH,
        pool=medium.plural,
    )
    def omdb(
        context: dg.AssetExecutionContext, config: TitlesConfig, ratingo: RatingoResource
    ) -> Iterator[dg.MaterializeResult]:
        listener = Listener(context, medium, [key(medium, "omdb")])
        with ratingo.open() as kit:
            report = backfill_omdb_ids(
                kit,
                medium,
                _ids(context),
                force=config.force,
                on_start=listener.on_start,
                on_outcome=listener.on_outcome,
            )
        yield from _conclude(context, report)

    sync_report = dg.AssetSpec(
        key(medium, "sync_report"),
        deps=list(part_keys(medium)),
        kinds={"python"},
        description="Counts of each sync, as numbers to plot over time.",
        **common,
    )
    return [trending, watched_monthly, titles, omdb, sync_report]


def fetch_trending(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, kit: Toolkit, medium: Medium
) -> TrendingReport:
    """Open a cycle and register the partitions of its titles."""
    report = open_trending_cycle(kit, medium, context.run_id)
    with kit.database.reading() as conn:
        eligible = [place.tmdb_id for place in cycles.titles_of(conn, report.cycle_id, "pending")]
    register_titles(context.instance, medium, eligible)
    context.log.info(f"cycle {report.cycle_id}: {report.eligible} of {report.fetched} {medium} eligible")
    return report


def _ids(context: dg.AssetExecutionContext) -> Sequence[int]:
    keys = context.partition_keys
    if not keys:
        raise dg.Failure(
            "The run's range of partitions is empty: keys were removed since. Launch it again.",
            allow_retries=False,
        )
    return [int(partition) for partition in keys]


def _conclude(context: dg.AssetExecutionContext, report: BatchReport) -> Iterator[dg.MaterializeResult]:
    """Yield nothing: the titles' materializations are logged, and an output would count for failed ones too."""
    for note in report.notes:
        context.log.warning(note)
    raise_if_any_failed([report])
    yield from ()
