"""Asset keys, named as people say them: `shows/details`."""

import dagster as dg

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sync.work import Part


def key(medium: Medium, name: str) -> dg.AssetKey:
    """The key of a medium's asset."""
    return dg.AssetKey([medium.plural, name])


def part_keys(medium: Medium) -> dict[dg.AssetKey, Part]:
    """The assets of a title's parts."""
    return {key(medium, part.value): part for part in Part}


AIRINGS = key(SHOWS, "airings")
STALE_AIRINGS = key(SHOWS, "stale_airings")
