"""Which titles OMDb is asked about now, and which wait: by the plan of the day and the media's shares of it.

Asking is `omdb`'s, counting what is spent `omdb_quota`'s, and the plan itself `planner`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import asked, cycles
from ratingo_pipelines.storage.asked import OmdbDue
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.turns import Turn
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.omdb_quota import fair_share, reserved
from ratingo_pipelines.sync.planner import plan
from ratingo_pipelines.sync.precedence import IMDB_DATASET
from ratingo_pipelines.text import counted


@dataclass(frozen=True)
class InTurn:
    """Titles to ask about now, in this order, and a note on those that wait."""

    titles: Sequence[OmdbDue]
    notes: tuple[str, ...] = ()


def in_turn(ctx: SyncContext, medium: Medium, at_most: int | None) -> InTurn:
    """The titles due: as many as leave the other media their share of the day, and the latest cycle's beside it.

    Where no other medium waits all of them are named: it is the day's end that stops the backfill then.
    """
    now, limit = ctx.now(), ctx.settings.omdb_daily_limit
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    others = [each for each in MEDIA if each != medium]
    with ctx.database.reading() as conn:
        waiting = waiting_at_omdb(conn, ctx.settings, now, medium)
        asked_today = asked.asked_since(conn, medium, asked.OMDB, midnight)
        others_load = sum(
            sum(waiting_at_omdb(conn, ctx.settings, now, each).values())
            + asked.asked_since(conn, each, asked.OMDB, midnight)
            for each in others
        )
        due = sum(waiting.values())
        share = fair_share(limit, due + asked_today, others_load, asked_today)
        granted = plan(min(each for each in (due, share, at_most) if each is not None), waiting)
        named = dict(waiting)
        if others_load and share is not None:
            beside = min(waiting.get(Turn.TRENDING, 0) - granted[Turn.TRENDING], reserved(limit))
            named = {**granted, Turn.TRENDING: granted[Turn.TRENDING] + beside}
        first, rest = _split(_titles(conn, ctx, medium, named), granted)
    waits = due - sum(named.values())
    return InTurn([*first, *rest][:at_most], _note(medium, waits, limit, others) if waits else ())


def _titles(conn: Connection, ctx: SyncContext, medium: Medium, named: Mapping[Turn, int]) -> dict[Turn, list[OmdbDue]]:
    """So many titles of each class, those due for longest."""
    cycle_id = _latest_cycle_id(conn, medium)
    return {
        turn: asked.titles_lacking_omdb(
            conn,
            tables_of(medium),
            ctx.now(),
            named[turn],
            imdb_from=imdb_from(ctx.settings),
            turn=turn,
            cycle_id=cycle_id,
        )
        for turn in Turn
        if named.get(turn)
    }


def _split(
    titles: Mapping[Turn, Sequence[OmdbDue]], granted: Mapping[Turn, int]
) -> tuple[list[OmdbDue], list[OmdbDue]]:
    """What the plan grants, and what is named beyond it."""
    first = [row for turn, rows in titles.items() for row in rows[: granted[turn]]]
    return first, [row for turn, rows in titles.items() for row in rows[granted[turn] :]]


def _note(medium: Medium, waits: int, limit: int, others: Sequence[Medium]) -> tuple[str]:
    return (
        f"{counted(waits, f'{medium.singular} waits', f'{medium.plural} wait')} for another day: OMDb's {limit} "
        f"requests a day (OMDB_DAILY_LIMIT) are shared with {', '.join(each.plural for each in others)} by what is due",
    )


def waiting_at_omdb(conn: Connection, settings: Settings, now: datetime, medium: Medium) -> dict[Turn, int]:
    """How many titles of a medium are due at OMDb, of each class that has some."""
    return asked.waiting_at_omdb(
        conn,
        tables_of(medium),
        now,
        cycle_id=_latest_cycle_id(conn, medium),
        imdb_from=imdb_from(settings),
    )


def due_at_omdb(ctx: SyncContext, medium: Medium) -> int:
    """How many titles the backfill would ask OMDb about now; 0 without a key."""
    if ctx.omdb is None:
        return 0
    with ctx.database.reading() as conn:
        return sum(waiting_at_omdb(conn, ctx.settings, ctx.now(), medium).values())


def imdb_from(settings: Settings) -> str | None:
    """Who gives IMDb's ratings, so that OMDb is asked only for what is lacking then."""
    return IMDB_DATASET if settings.imdb_dataset == "on" else None


def _latest_cycle_id(conn: Connection, medium: Medium) -> int | None:
    cycle = cycles.latest_cycle(conn, medium)
    return cycle.id if cycle else None
