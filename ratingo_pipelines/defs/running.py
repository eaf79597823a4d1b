"""Runs a job in this process, on the instance of `DAGSTER_HOME`: what the demo does. No daemon is needed."""

import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_job(definitions: dg.Definitions, name: str) -> bool:
    """Run the job to its end; whether it succeeded. Its events are in the instance as those of any run."""
    with dg.DagsterInstance.get() as instance:
        job = definitions.resolve_job_def(name)
        result = job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
    return result.success
