"""When jobs start by themselves: the site's times, in UTC. Each has a variable, such as SHOWS_TRENDING_CRON.

A schedule only asks for a run of its job. What is worked off between its ticks is the sensors' business.
"""

import dagster as dg

from ratingo_pipelines.defs.imdb import IMDB_JOB
from ratingo_pipelines.settings import OFF, Settings

SCHEDULED = tuple(Settings.model_construct().crons)
"""Jobs with a schedule."""


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """A schedule for each; one that is switched off can still be switched on in the UI, at the usual time."""
    usual = Settings.model_construct().crons
    unwanted = {IMDB_JOB} if settings.imdb_dataset == "off" else set()
    return [_schedule(job, OFF if job in unwanted else cron, usual[job]) for job, cron in settings.crons.items()]


def _schedule(job: str, cron: str, usual: str) -> dg.ScheduleDefinition:
    off = cron == OFF
    return dg.ScheduleDefinition(
        name=f"{job}_schedule",
        job_name=job,
        cron_schedule=usual if off else cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED if off else dg.DefaultScheduleStatus.RUNNING,
        description=f"Starts {job}. {job.upper()}_CRON sets another time, or {OFF}.",
    )
