"""The Celery application of a worker: `celery --app ratingo_pipelines.dagster_instance.celery_worker worker`.

Only that command loads it, and it needs the extra `ratingo-pipelines[celery]`. Broker and backend come from the
variables that `deploy/celery/dagster.yaml` names, so that launcher and worker agree. How runs
get there is in `celery_launcher`.
"""

import os

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

app = make_app()
app.conf.update(
    broker_url=os.environ["CELERY_BROKER"],
    result_backend=os.environ["CELERY_BACKEND"],
    # A worker that took runs in advance would keep them from one that is free.
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)
create_execute_job_task(app)
create_resume_job_task(app)
