"""Asset keys, named as people say them (`shows/details`), and partitions: a dynamic key per title (its TMDB id), a set
a medium; months for Trakt's monthly lists.
"""

from collections.abc import Iterable

import dagster as dg

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sync.work import TitleStage

FIRST_MONTH = "2024-01-01"

TITLES = {medium: dg.DynamicPartitionsDefinition(name=medium.plural) for medium in MEDIA}
MONTHS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH)


def register_titles(instance: dg.DagsterInstance, medium: Medium, tmdb_ids: Iterable[int]) -> None:
    """Add the partition keys that are new; keys that exist stay where they are."""
    instance.add_dynamic_partitions(medium.plural, [str(tmdb_id) for tmdb_id in tmdb_ids])


def key(medium: Medium, name: str) -> dg.AssetKey:
    """The key of a medium's asset."""
    return dg.AssetKey([medium.plural, name])


def stage_keys(medium: Medium) -> dict[dg.AssetKey, TitleStage]:
    """The assets of a title's stages."""
    return {key(medium, stage.value): stage for stage in TitleStage}


AIRINGS = key(SHOWS, "airings")
STALE_AIRINGS = key(SHOWS, "stale_airings")
