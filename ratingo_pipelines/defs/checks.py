"""Asset checks: what `sync.checks` looks at, shown at the assets it is about. They run in a job of their own."""

from collections.abc import Iterator

import dagster as dg

from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.sync import checks
from ratingo_pipelines.sync.checks import Check, look_at


def asset_checks(medium: Medium) -> dg.AssetChecksDefinition:
    """All checks of a medium; one step."""

    @dg.multi_asset_check(
        name=f"{medium}_check",
        specs=[
            dg.AssetCheckSpec(check.name, asset=key(medium, check.asset), description=check.about)
            for check in checks.CHECKS
        ],
        can_subset=True,
    )
    def look(context: dg.AssetCheckExecutionContext, ratingo: RatingoResource) -> Iterator[dg.AssetCheckResult]:
        with ratingo.reading() as (settings, database):
            for check in checks.CHECKS:
                if dg.AssetCheckKey(key(medium, check.asset), check.name) in context.selected_asset_check_keys:
                    yield _result(medium, check, look_at(database, medium, settings, check))

    return look


def _result(medium: Medium, check: Check, finding: checks.Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=finding.passed,
        check_name=check.name,
        asset_key=key(medium, check.asset),
        severity=dg.AssetCheckSeverity.ERROR if check.severe else dg.AssetCheckSeverity.WARN,
        description=finding.said,
        metadata=dict(finding.numbers),
    )


CHECKS = {medium: asset_checks(medium) for medium in MEDIA}
