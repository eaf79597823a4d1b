"""Says that a run was to materialize a partition, as Dagster does itself for runs over assets, and not for jobs of ops.

A partition that was planned, whose run failed, and that is not materialized since is shown as failed
(`dagster._core.storage.partition_status_cache`, `build_failed_and_in_progress_partition_subset`); one that nobody
planned is missing.
"""

import logging

import dagster as dg

from ratingo_pipelines.dagster_instance.internals import AssetMaterializationPlannedData


def report_planned(
    instance: dg.DagsterInstance, run: dg.DagsterRun, step_key: str, asset_key: dg.AssetKey, partition: str
) -> None:
    """Say that the run's step was to materialize this partition."""
    planned = AssetMaterializationPlannedData(asset_key, partition)
    event = dg.DagsterEvent.build_asset_materialization_planned_event(run.job_name, step_key, planned)
    instance.report_dagster_event(event, run.run_id, log_level=logging.DEBUG)
