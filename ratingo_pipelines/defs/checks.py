"""Asset checks: what `sync.checks` looks at. They run in a job of their own, after each sync.

Those of a title's parts are shown at `sync_report`, and say which part they are about: the UI adds an asset's checks to
each run over it, where they would be skipped, as such a run logs its materializations and has no output for a step to
come after (`dagster._core.execution.plan.active`, `_should_skip_step`).
"""

from collections.abc import Iterator

import dagster as dg

from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.sync import checks
from ratingo_pipelines.sync.checks import Check, look_at

_WITH_OUTPUT = ("trending",)
"""Assets of which each run has an output."""


def asset_checks(medium: Medium) -> dg.AssetChecksDefinition:
    """All checks of a medium; one step."""

    @dg.multi_asset_check(
        name=f"{medium}_check",
        specs=[
            dg.AssetCheckSpec(check.name, asset=_shown_at(medium, check), description=f"`{check.asset}`: {check.about}")
            for check in checks.CHECKS
        ],
        can_subset=True,
    )
    def look(context: dg.AssetCheckExecutionContext, ratingo: RatingoResource) -> Iterator[dg.AssetCheckResult]:
        with ratingo.reading() as (settings, database):
            for check in checks.CHECKS:
                if dg.AssetCheckKey(_shown_at(medium, check), check.name) in context.selected_asset_check_keys:
                    yield _result(medium, check, look_at(database, medium, settings, check))

    return look


def _shown_at(medium: Medium, check: Check) -> dg.AssetKey:
    return key(medium, check.asset if check.asset in _WITH_OUTPUT else "sync_report")


def _result(medium: Medium, check: Check, finding: checks.Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=finding.passed,
        check_name=check.name,
        asset_key=_shown_at(medium, check),
        severity=dg.AssetCheckSeverity.ERROR if check.severe else dg.AssetCheckSeverity.WARN,
        description=finding.said,
        metadata=dict(finding.numbers),
    )


CHECKS = {medium: asset_checks(medium) for medium in MEDIA}
