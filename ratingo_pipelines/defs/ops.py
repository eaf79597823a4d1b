"""The ops that jobs are made of: each a stage over whatever is due, calling the same functions as the assets.

A stage takes the reports of the stages before it and hands them on with its own. Its failed titles stop no later
stage; the last op fails the run for all of them. Which stages make a job is said in `jobs`.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
from pydantic import Field

from ratingo_pipelines.defs.conclusion import raise_if_any_failed, stop_of, tag_summary
from ratingo_pipelines.defs.cycle import fetch_trending, join_cycle, take_over, trending_metadata
from ratingo_pipelines.defs.listener import followed
from ratingo_pipelines.defs.materializations import of_calendar, of_prune, of_report
from ratingo_pipelines.defs.needless import tell_of_needless
from ratingo_pipelines.defs.partitions import AIRINGS, LARGEST_ID, STALE_AIRINGS, key, stage_keys
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar
from ratingo_pipelines.sync.backfill import Backfill
from ratingo_pipelines.sync.on_demand import sync_title
from ratingo_pipelines.sync.report import BatchReport, Follower, StopReason
from ratingo_pipelines.sync.titles import sync_ids, sync_pending

BEFORE = {"before": dg.In(list, default_value=[])}


class DueConfig(dg.Config):
    """Launchpad configuration of the jobs that work off what is due."""

    limit: int | None = Field(default=None, description="At most so many titles, 1 or more; all that are due if unset.")

    def checked_limit(self) -> int | None:
        """The limit. Raises a `Failure` of one sentence: the schema of the launchpad knows no ranges."""
        if self.limit is not None and self.limit < 1:
            raise dg.Failure(f"limit must be 1 or more, not {self.limit}; nothing was done", allow_retries=False)
        return self.limit


class SyncConfig(DueConfig):
    """Launchpad configuration of `*_sync`."""

    ids: list[int] | None = Field(
        default=None, description="These titles (TMDB ids) instead of those pending in the latest cycle."
    )
    force: bool = Field(default=False, description="With ids: fetch also those that are done in the latest cycle.")

    def chosen(self) -> list[int]:
        """The ids asked for; none where what is pending is. Raises a `Failure` for what cannot be TMDB's ids."""
        if self.ids is None:
            return []
        wrong = ", ".join(str(tmdb_id) for tmdb_id in self.ids if not 0 < tmdb_id <= LARGEST_ID)
        if wrong:
            raise dg.Failure(f"ids: no TMDB ids: {wrong}; nothing was done", allow_retries=False)
        if not self.ids:
            raise dg.Failure("ids names no title; leave it out to do what is pending", allow_retries=False)
        return self.ids


class TitleConfig(dg.Config):
    """Launchpad configuration of `*_title`."""

    tmdb_id: int = Field(description="The title's TMDB id; it need not be in any list.")

    def checked_id(self) -> int:
        """The id. Raises a `Failure` for what cannot be one of TMDB's."""
        if not 0 < self.tmdb_id <= LARGEST_ID:
            raise dg.Failure(f"{self.tmdb_id} is no TMDB id; nothing was done", allow_retries=False)
        return self.tmdb_id


def stages(medium: Medium) -> dict[str, dg.OpDefinition]:
    """The ops of a medium's jobs."""
    shared: dict[str, Any] = {"pool": medium.plural, "ins": BEFORE}

    @dg.op(name=f"{medium}_fetch_trending", **shared)
    def fetch(context: dg.OpExecutionContext, ratingo: RatingoResource, before: list) -> list[BatchReport]:
        """Fetch the trending list and open a cycle."""
        with ratingo.open() as ctx:
            report = fetch_trending(context, ctx, medium)
            metadata = trending_metadata(ctx, medium, report)
        context.log_event(dg.AssetMaterialization(key(medium, "trending"), metadata=metadata))
        return before

    @dg.op(name=f"{medium}_sync_titles", **shared)
    def titles(
        context: dg.OpExecutionContext, config: SyncConfig, ratingo: RatingoResource, before: list
    ) -> list[BatchReport]:
        """Work off the pending titles of the latest cycle, or those asked for."""
        ids, limit = config.chosen(), config.checked_limit()
        with ratingo.open() as ctx:
            prepare = take_over if ids else join_cycle
            prepare(context, ctx, medium)
            with followed(context, ctx, medium, list(stage_keys(medium))) as follower:
                if ids:
                    report = sync_ids(
                        ctx,
                        medium,
                        context.run.run_id,
                        ids[:limit],
                        force=config.force,
                        follower=follower,
                    )
                else:
                    report = sync_pending(
                        ctx,
                        medium,
                        context.run.run_id,
                        limit=limit,
                        follower=follower,
                    )
        return [*before, report]

    @dg.op(name=f"{medium}_conclude")
    def conclude(context: dg.OpExecutionContext, reports: list) -> None:
        """Report the counts of all stages; fail the run if titles failed."""
        context.log_event(of_report(medium, reports))
        tag_summary(context, reports)
        raise_if_any_failed(reports)

    return {"fetch": fetch, "titles": titles, "conclude": conclude}


def title_op(medium: Medium) -> dg.OpDefinition:
    """The op that fetches one title whole at a person's wish."""

    @dg.op(name=f"{medium}_fetch_title", pool=medium.plural)
    def fetch_title(context: dg.OpExecutionContext, config: TitleConfig, ratingo: RatingoResource) -> list[BatchReport]:
        """Fetch one title whole, whether a list names it or not; it gets a partition."""
        tmdb_id = config.checked_id()
        with ratingo.open() as ctx:
            take_over(context, ctx, medium)

            def follow(assets: Collection[str]) -> AbstractContextManager[Follower]:
                keys = [key(medium, asset) for asset in assets]
                return followed(context, ctx, medium, keys, registers_all=True)

            return sync_title(ctx, medium, context.run.run_id, tmdb_id, follow)

    return fetch_title


def backfill_op(medium: Medium, backfill: Backfill) -> dg.OpDefinition:
    """The op that asks a source about the titles that lack its facts."""

    @dg.op(
        name=f"{medium}_backfill_{backfill.name}",
        pool=medium.plural,
        ins=BEFORE,
        description=f"Complete titles that lack {backfill.facts}.",
    )
    def complete(
        context: dg.OpExecutionContext, config: DueConfig, ratingo: RatingoResource, before: list
    ) -> list[BatchReport]:
        with ratingo.open() as ctx:
            with followed(context, ctx, medium, [key(medium, backfill.asset)]) as follower:
                report = backfill.ask_about_due(
                    ctx, medium, context.run.run_id, limit=config.checked_limit(), follower=follower
                )
            tell_of_needless(context, ctx, medium, backfill)
        return [*before, report]

    return complete


@dg.op(pool=SHOWS.plural, ins=BEFORE)
def shows_calendar(context: dg.OpExecutionContext, ratingo: RatingoResource, before: list) -> list[BatchReport]:
    """Write the coming episodes of the shows that the site lists, and prune the calendar."""
    with ratingo.open() as ctx:
        try:
            synced = sync_calendar(ctx)
        except SourceError as error:
            # What the stages before it have to tell is told first; then the run fails.
            report = BatchReport(SHOWS.plural, "calendar", stopped=str(error), stopped_by=stop_of(error))
        else:
            context.log_event(dg.AssetMaterialization(AIRINGS, metadata=of_calendar(synced)))
            report = BatchReport(
                SHOWS.plural,
                "calendar",
                added=synced.inserted,
                updated=synced.updated,
                stopped="; ".join(synced.notes) or None,
                stopped_by=None if synced.ok else StopReason.UPSTREAM,
                requests=synced.requests,
                seconds=synced.seconds,
            )
        pruned = prune_calendar(ctx)
    context.log_event(dg.AssetMaterialization(STALE_AIRINGS, metadata=of_prune(pruned)))
    return [*before, report]
