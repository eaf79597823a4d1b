"""What a run did, as one typed JSON entry among the metadata of what it materialized: written and read back here.

The other labels are for people who look at Dagster's UI and may be reworded; programs read this one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from pydantic import TypeAdapter

from ratingo_pipelines.sync.report import CalendarReport, PruneReport, StageCounts, TrendingReport

REPORT = "report"
"""The label of the entry."""


@dataclass(frozen=True)
class RunReport:
    """What came of a run's stages; each materialization carries what it is about, the others are empty."""

    trending: TrendingReport | None = None
    stages: tuple[StageCounts, ...] = ()
    calendar: CalendarReport | None = None
    pruned: PruneReport | None = None

    def stage(self, name: str) -> StageCounts | None:
        """The counts of one stage, if the run came to it."""
        return next((counts for counts in self.stages if counts.stage == name), None)


_adapter = TypeAdapter(RunReport)


def entry(report: RunReport) -> dict[str, dg.MetadataValue]:
    """The metadata entry that holds the report."""
    return {REPORT: dg.MetadataValue.json(_adapter.dump_python(report, mode="json", exclude_defaults=True))}


def read(recorded: Iterable[Mapping[str, Any]]) -> RunReport:
    """The report of a run from the metadata (plain values) of all it materialized; what is nowhere stays empty.

    Raises `pydantic.ValidationError` for an entry that another version wrote and this one cannot read.
    """
    merged = RunReport()
    for metadata in recorded:
        if REPORT in metadata:
            found = _adapter.validate_python(metadata[REPORT])
            merged = RunReport(
                trending=merged.trending or found.trending,
                stages=merged.stages or found.stages,
                calendar=merged.calendar or found.calendar,
                pruned=merged.pruned or found.pruned,
            )
    return merged
