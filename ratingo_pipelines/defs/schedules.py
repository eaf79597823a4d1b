"""When jobs start by themselves: the site's times, in UTC. Each has a variable, such as SHOWS_TRENDING_CRON.

A schedule only asks for a run of its job. What is worked off between its ticks is the sensors' business.
"""

import dagster as dg

from ratingo_pipelines.settings import OFF, Settings

SCHEDULED = (
    "shows_trending",
    "shows_omdb_backfill",
    "shows_meta_backfill",
    "shows_calendar_sync",
    "shows_calendar_prune",
    "shows_partitions_prune",
    "movies_trending",
    "movies_omdb_backfill",
    "movies_meta_backfill",
    "movies_partitions_prune",
)
"""Jobs with a schedule; the setting `<job>_cron` says when."""


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """A schedule for each; one that is switched off can still be switched on in the UI, at the usual time."""
    return [_schedule(job, getattr(settings, f"{job}_cron")) for job in SCHEDULED]


def _schedule(job: str, cron: str) -> dg.ScheduleDefinition:
    usual = Settings.model_fields[f"{job}_cron"].default
    off = cron == OFF
    return dg.ScheduleDefinition(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=usual if off else cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED if off else dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {job}. {job.upper()}_CRON sets another time, or {OFF}.",
    )
