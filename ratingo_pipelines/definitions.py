"""The code location: everything Dagster sees, assembled in one place."""

import dagster as dg

from ratingo_pipelines.defs.airings import airings, stale_airings
from ratingo_pipelines.defs.jobs import JOBS
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.defs.title_pipeline import title_assets
from ratingo_pipelines.media import MEDIA

defs = dg.Definitions(
    assets=[*(asset for medium in MEDIA for asset in title_assets(medium)), airings, stale_airings],
    jobs=JOBS,
    # Outputs pass between the ops of one process only: what a run leaves behind is in the database.
    resources={"ratingo": RatingoResource(), "io_manager": dg.mem_io_manager},
    executor=dg.in_process_executor,
)
