"""What would keep the next sync from going well: each thing looked at is a remark with its remedy.

Nothing is changed but what asking leaves behind: the limits' records, and a call less of OMDb's day. `sources` asks the
APIs, `database` and `installation` look at what is here; what a remark is, and what a command that made them ends with,
is in `remark`. How remarks are shown is the terminal's.
"""

from collections.abc import Iterator

from ratingo_pipelines.doctor.database import of_database
from ratingo_pipelines.doctor.installation import of_dagster, of_door, of_home, of_versions
from ratingo_pipelines.doctor.remark import Remark, Severity, exit_code
from ratingo_pipelines.doctor.sources import of_keys, of_sources
from ratingo_pipelines.settings import Settings

__all__ = ["Remark", "Severity", "examine", "exit_code"]


def examine(settings: Settings, *, offline: bool) -> Iterator[Remark]:
    """Look at everything, one after the other; with `offline` no source is asked."""
    yield from of_versions()
    yield from of_home(settings)
    yield from of_database(settings)
    yield from of_keys(settings)
    if not offline:
        yield from of_sources(settings)
    yield from of_dagster(settings)
    yield from of_door(settings)
