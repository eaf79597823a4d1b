"""Tells Dagster of titles that lack nothing of a source: nobody is going to ask about them, and nothing is missing."""

import dagster as dg

from ratingo_pipelines.dagster_instance.together import stored_together
from ratingo_pipelines.defs.partitions import key, title_ids
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.backfill import Backfill
from ratingo_pipelines.sync.context import SyncContext


def tell_of_needless(context: dg.OpExecutionContext, ctx: SyncContext, medium: Medium, backfill: Backfill) -> None:
    """Materialize, as skipped, the partitions that never were and whose titles the source is not asked about."""
    if backfill.needless is None:
        return
    asset_key, instance = key(medium, backfill.asset), context.instance
    missing = set(instance.get_dynamic_partitions(medium.plural)) - instance.get_materialized_partitions(asset_key)
    ids, _ = title_ids(missing)
    with stored_together(instance):
        for tmdb_id, reason in sorted(backfill.needless(ctx, medium, ids).items()):
            event = dg.AssetMaterialization(asset_key, partition=str(tmdb_id), metadata={"skipped": reason})
            context.log_event(event)
