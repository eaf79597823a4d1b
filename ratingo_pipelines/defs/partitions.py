"""Asset keys, named as people say them (`shows/details`), and partitions: a dynamic key per title (its TMDB id), a set
a medium; months for Trakt's monthly lists.
"""

from collections.abc import Iterable

import dagster as dg

from ratingo_pipelines.measures.deltas import complete_months
from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.work import TitleStage

LARGEST_ID = 2**31 - 1
"""Of the columns that hold TMDB's ids."""

TITLES = {medium: dg.DynamicPartitionsDefinition(name=medium.plural) for medium in MEDIA}
MONTHS = dg.MonthlyPartitionsDefinition(start_date=f"{complete_months(utc_now().date())[-1]}-01")
"""From the first month that the deltas compare, as of when this code was loaded."""


def register_titles(instance: dg.DagsterInstance, medium: Medium, tmdb_ids: Iterable[int]) -> None:
    """Add the partition keys that are new; keys that exist stay where they are."""
    instance.add_dynamic_partitions(medium.plural, [str(tmdb_id) for tmdb_id in tmdb_ids])


def key(medium: Medium, name: str) -> dg.AssetKey:
    """The key of a medium's asset."""
    return dg.AssetKey([medium.plural, name])


def stage_keys(medium: Medium) -> dict[dg.AssetKey, TitleStage]:
    """The assets of a title's stages."""
    return {key(medium, stage.value): stage for stage in TitleStage}


def title_ids(partitions: Iterable[str]) -> tuple[list[int], list[str]]:
    """The TMDB ids among partition keys, and the keys that are none: the UI's dialog adds any word one types."""
    ids, others = [], []
    for partition in partitions:
        if partition.isascii() and partition.isdecimal() and 0 < int(partition) <= LARGEST_ID:
            ids.append(int(partition))
        else:
            others.append(partition)
    return ids, others


AIRINGS = key(SHOWS, "airings")
STALE_AIRINGS = key(SHOWS, "stale_airings")
