"""The job that takes partitions from titles no trending list has named for long. Their rows and history stay."""

from datetime import timedelta

import dagster as dg

from ratingo_pipelines.defs import runs
from ratingo_pipelines.defs.partitions import title_ids
from ratingo_pipelines.defs.policies import BACKFILL, SUMMARY_TAG, run_tags
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import asked, cycles
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.text import counted


def prune_partitions(medium: Medium) -> dg.JobDefinition:
    """The job of one medium."""

    @dg.op(name=f"{medium}_prune_partitions", pool=medium.plural)
    def prune(context: dg.OpExecutionContext, ratingo: RatingoResource) -> None:
        """Remove the partitions of titles that no list named and nobody fetched for PARTITION_KEEP_DAYS."""
        with ratingo.reading() as (settings, database):
            since = utc_now() - timedelta(days=settings.partition_keep_days)
            with database.reading() as conn:
                named = cycles.named_since(conn, medium, since)
                wished = asked.asked_about_since(conn, medium, asked.RELATED, since)
        said = _prune(context, medium, None if named is None else named | wished, since.date().isoformat())
        context.log.info(said)
        context.instance.add_run_tags(context.run.run_id, {SUMMARY_TAG: said})

    @dg.job(
        name=f"{medium}_partitions_prune",
        description=f"Takes the partitions of {medium} that no trending list has named for long; their rows stay.",
        executor_def=dg.in_process_executor,
        tags=run_tags(medium, BACKFILL),
    )
    def job() -> None:
        prune()

    return job


def _prune(context: dg.OpExecutionContext, medium: Medium, named: set[int] | None, since: str) -> str:
    if named is None:
        return f"nothing removed: the cycles of {medium} do not reach back to {since}"
    # A run over a range carries its ends alone (the tags dagster/asset_partition_range_start and _end), and takes what
    # lies between them when it starts: once keys are gone, the wrong ones or none.
    others = [str(run) for run in runs.active_runs(context.instance, medium) if run.touches_titles]
    others += [f"backfill {each} is under way" for each in runs.unfinished_backfills(context.instance, medium)]
    if others:
        return f"nothing removed, next time: {', '.join(others)}"
    keys = context.instance.get_dynamic_partitions(medium.plural)
    ids, words = title_ids(keys)
    unnamed = [str(tmdb_id) for tmdb_id in ids if tmdb_id not in named]
    for partition in unnamed:
        context.instance.delete_dynamic_partition(medium.plural, partition)
    removed = f"{len(unnamed)} of {counted(len(keys), 'partition')} removed: what no list has named since {since}"
    return removed + (f"; left alone, as no TMDB ids: {', '.join(words)}" if words else "")
