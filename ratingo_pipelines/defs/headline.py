"""The headline of a run that worked on titles: tags that a person reads in the list of runs, warnings in its log."""

from collections.abc import Sequence

import dagster as dg

from ratingo_pipelines.defs.policies import FAILED_TAG, HEADLINE_TAG, SUCCEEDED_TAG
from ratingo_pipelines.sync.report import BatchReport


def headline(context: dg.AssetExecutionContext | dg.OpExecutionContext, reports: Sequence[BatchReport]) -> None:
    """Tag the run with what its stages came to, and log what a person should know although nothing failed."""
    succeeded, failed = sum(report.succeeded for report in reports), sum(report.failed for report in reports)
    skipped = sum(sum(report.skipped.values()) for report in reports)
    said = f"{succeeded} done, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    stopped = [f"{report.stage} ended early" for report in reports if report.stopped]
    tags = {SUCCEEDED_TAG: str(succeeded), FAILED_TAG: str(failed), HEADLINE_TAG: "; ".join([said, *stopped])}
    context.instance.add_run_tags(context.run.run_id, tags)
    for report in reports:
        for note in report.notes:
            context.log.warning(note)
        if report.stopped:
            context.log.warning(f"{report.stage} ended early: {report.stopped}")
