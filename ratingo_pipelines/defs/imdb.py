"""The asset of IMDb's dataset: one for all titles, whatever their medium, and the job that renews it daily."""

import dagster as dg

from ratingo_pipelines.defs.materializations import of_dataset
from ratingo_pipelines.defs.policies import BACKFILL, common
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.sync.imdb import backfill_imdb

IMDB_RATINGS = dg.AssetKey(["imdb", "ratings"])
IMDB_JOB = "imdb_backfill"


@dg.asset(
    key=IMDB_RATINGS,
    kinds={"imdb"},
    pool="imdb",
    description="IMDb's daily dataset: ratings and votes of every title whose IMDb id is known. Off by default "
    "(IMDB_DATASET): it is for personal and non-commercial use only.",
    **common("imdb"),
)
def imdb_ratings(ratingo: RatingoResource) -> dg.MaterializeResult:
    """Read the dataset, if it is a newer one."""
    with ratingo.open() as ctx:
        reports = backfill_imdb(ctx)
    return dg.MaterializeResult(metadata=of_dataset(reports))


imdb_job = dg.define_asset_job(
    IMDB_JOB,
    selection=[IMDB_RATINGS],
    description="Brings IMDb's ratings of all titles to those of its daily dataset.",
    tags={"dagster/priority": str(BACKFILL)},
)
