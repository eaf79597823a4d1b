"""Who launched a run, as a tag of the run: the gateway names the caller to Dagster, and here it is written down.

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
LAUNCHED_BY_HEADER = "x-ratingo-launched-by"
"""Set by the gateway, and by nobody else: it drops what callers send."""


class AttributingRunCoordinator(QueuedRunCoordinator):
    """The run queue, which tags each run that a caller of the gateway launched."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Tag the run, and put it into the queue."""
        caller = context.get_request_header(LAUNCHED_BY_HEADER)
        if caller:
            self._instance.add_run_tags(context.dagster_run.run_id, {LAUNCHED_BY: caller})
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
