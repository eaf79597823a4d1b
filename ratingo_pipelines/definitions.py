"""The code location: everything Dagster sees, assembled in one place."""

from functools import partial

import dagster as dg

from ratingo_pipelines.defs.airings import airings, stale_airings
from ratingo_pipelines.defs.assets import title_assets
from ratingo_pipelines.defs.checks import CHECKS
from ratingo_pipelines.defs.documentation import documented
from ratingo_pipelines.defs.imdb import imdb_ratings
from ratingo_pipelines.defs.jobs import JOBS
from ratingo_pipelines.defs.policies import with_freshness
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.defs.schedules import schedules
from ratingo_pipelines.defs.sensors import sensors
from ratingo_pipelines.defs.trigger_auth import TriggerAuth
from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.settings import load_settings

# Times and switches are fixed when the code location loads; no key is needed for that.
_settings = load_settings()

_assets = [*(asset for medium in MEDIA for asset in title_assets(medium)), airings, stale_airings, imdb_ratings]

defs = dg.Definitions(
    assets=dg.map_asset_specs(partial(with_freshness, _settings), documented(_assets)),
    asset_checks=list(CHECKS.values()),
    jobs=JOBS,
    schedules=schedules(_settings),
    sensors=sensors(_settings, JOBS),
    # Outputs pass between the ops of one process only: what a run leaves behind is in the database.
    resources={
        "ratingo": RatingoResource(),
        "trigger_auth": TriggerAuth.from_environment(),
        "io_manager": dg.mem_io_manager,
    },
    executor=dg.in_process_executor,
)
