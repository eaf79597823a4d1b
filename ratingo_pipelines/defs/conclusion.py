"""How a run concludes: its tags, its warnings, and the one place where the core's errors become Dagster failures."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from ratingo_pipelines.defs.markdown import escaped, table
from ratingo_pipelines.defs.policies import SUMMARY_TAG
from ratingo_pipelines.settings import SettingsError
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage.errors import StorageError
from ratingo_pipelines.sync.report import BatchReport, StopReason, TitleFailure
from ratingo_pipelines.text import visible

LISTED = 20
FAILED, STOPPED_BY = "failed", "stopped by"
"""Metadata of a `Failure`: how many titles failed; what ended a stage early, if anything did (a `StopReason`)."""


@contextmanager
def errors_as_failures() -> Iterator[None]:
    """Raise what the block could not do as a `Failure` of one line: what happened, what was kept, what to do."""
    try:
        yield
    except (SourceError, StorageError, SettingsError) as error:
        raise dg.Failure(str(error), metadata={STOPPED_BY: stop_of(error).value}, allow_retries=False) from None
    except dg.DagsterExecutionInterruptedError:
        said = "The run was ended early; what was stored is kept, and what was not done is due still."
        raise dg.Failure(said, allow_retries=False) from None


def stop_of(error: Exception) -> StopReason:
    """What kind of thing keeps a stage from going on."""
    if isinstance(error, SourceError):
        return StopReason.ACCESS if error.stops_run else StopReason.UPSTREAM
    return StopReason.DATABASE if isinstance(error, StorageError) else StopReason.ACCESS


def tag_summary(context: dg.AssetExecutionContext | dg.OpExecutionContext, reports: Sequence[BatchReport]) -> None:
    """Tag the run with what its stages came to, and log what a person should know although nothing failed."""
    succeeded, failed = sum(report.succeeded for report in reports), sum(report.failed for report in reports)
    skipped = sum(sum(report.skipped.values()) for report in reports)
    said = f"{succeeded} done, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    stopped = [f"{report.stage} ended early" for report in reports if report.stopped]
    context.instance.add_run_tags(context.run.run_id, {SUMMARY_TAG: "; ".join([said, *stopped])})
    for report in reports:
        for said in (*report.notes, *report.problems):
            context.log.warning(visible(said))
        if report.stopped:
            context.log.warning(visible(f"{report.stage} ended early: {report.stopped}"))


def raise_if_any_failed(reports: Iterable[BatchReport]) -> None:
    """Fail the step if titles failed, a stage ended early, or a source says of many titles what is not believed.

    What succeeded stays materialized.
    """
    reports = list(reports)
    failures = [failure for report in reports for failure in report.failures]
    kinds = [report.stopped_by for report in reports if report.stopped_by not in {None, StopReason.QUOTA}]
    stopped = [f"{r.stage} ended early: {r.stopped}" for r in reports if r.stopped and r.stopped_by in kinds]
    problems = [problem for report in reports for problem in report.problems]
    if not failures and not stopped and not problems:
        return
    failed = len({(failure.stage, failure.tmdb_id) for failure in failures})
    lines = [*stopped, *problems]
    if failures:
        lines.append(f"{failed} failed, all others are stored: {_some(failures)}")
    raise dg.Failure(
        description=visible("; ".join(lines)),
        metadata={
            FAILED: failed,
            "failures": dg.MetadataValue.md(_table(failures)),
            **({STOPPED_BY: kinds[0].value} if kinds else {}),
        },
        allow_retries=False,
    )


def _some(failures: list[TitleFailure]) -> str:
    shown = "; ".join(str(failure) for failure in failures[:LISTED])
    return shown + (f"; and {len(failures) - LISTED} more" if len(failures) > LISTED else "")


def _table(failures: list[TitleFailure]) -> str:
    rows = [(str(f.tmdb_id), escaped(f.title), escaped(f.stage), escaped(f.reason)) for f in failures]
    return table(["TMDB id", "title", "stage", "reason"], rows)
