"""Whose a run is, as tags of the run: who launched it, as the gateway names the caller to Dagster, and its medium.

Runs: a run coordinator of one's own is Dagster's way to tag by the headers of the request that launched them
(https://docs.dagster.io/deployment/execution/customizing-run-queue-priority); dagster.yaml names it. Backfills: their
runs are launched by the daemon, so that they take the tags of the backfill, which come from the workspace's context.
Who a caller is, the gateway alone decides.
"""

from types import MethodType

import dagster as dg

from ratingo_pipelines.dagster_instance.internals import (
    QueuedRunCoordinator,
    SubmitRunContext,
    WorkspaceProcessContext,
    WorkspaceRequestContext,
)

LAUNCHED_BY = "ratingo/launched_by"
MEDIUM_TAG = ".dagster/ratingo_medium"
"""The medium a run is about; a job's definition says it, the selection of a run over assets implies it."""
LAUNCHED_BY_HEADER = "x-ratingo-launched-by"
"""Set by the gateway, and by nobody else: it drops what callers send."""


class AttributingRunCoordinator(QueuedRunCoordinator):
    """The run queue, which tags runs over assets of one medium, and those that a caller of the gateway launched."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Tag the run, and put it into the queue."""
        run, caller = context.dagster_run, context.get_request_header(LAUNCHED_BY_HEADER)
        tags = {LAUNCHED_BY: caller} if caller else {}
        groups = {key.path[0] for key in run.asset_selection or ()}
        if MEDIUM_TAG not in run.tags and len(groups) == 1:
            tags[MEDIUM_TAG] = groups.pop()
        if tags:
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


class AttributingWorkspace(WorkspaceProcessContext):
    """The workspace, whose requests tell who makes them."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        """The context of a request."""
        context = super().create_request_context(source)
        caller = getattr(source, "headers", {}).get(LAUNCHED_BY_HEADER)
        if caller:
            context.get_viewer_tags = MethodType(lambda _: {LAUNCHED_BY: caller}, context)  # type: ignore[method-assign]
        return context
