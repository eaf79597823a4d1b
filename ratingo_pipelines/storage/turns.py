"""Whose turn it is at a source whose day is not enough for all: classes of titles, as the database tells them apart.

How a day is divided among them is `sync.planner`'s.
"""

from enum import StrEnum

from sqlalchemy import ColumnElement, Integer, bindparam, case, exists

from ratingo_pipelines.storage.pipeline_tables import asked, trending
from ratingo_pipelines.storage.tables import TitleTables


class Turn(StrEnum):
    """Classes of titles that wait, in the order in which they are asked about."""

    TRENDING = "trending"
    """Named by the latest list."""
    LISTED = "listed"
    """On the site's list, from an earlier one."""
    NEW = "new"
    """Never asked about: stubs of related titles, most of them."""
    OLDEST = "oldest"
    """Asked about before, and due again."""


def turn_of(t: TitleTables, cycle_id: int | None) -> ColumnElement[str]:
    """The class of a title, in a statement over titles that has `asked` joined for the source in question."""
    c, place = t.titles.c, trending.c
    latest = bindparam("latest_cycle", cycle_id, type_=Integer)
    named = exists().where(place.cycle_id == latest, place.tmdb_id == c.tmdb_id)
    return case(
        (named, Turn.TRENDING.value),
        (c.trending_score.is_not(None), Turn.LISTED.value),
        (asked.c.id.is_(None), Turn.NEW.value),
        else_=Turn.OLDEST.value,
    )
