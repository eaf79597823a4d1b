"""How the list moved between two cycles: what is new, gone, risen and fallen. Faces of it only draw."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Cycle, CycleTitle, Standing
from ratingo_pipelines.storage.engine import Database


class UnknownCycle(Exception):
    """No such cycle of the medium, or none at all."""


@dataclass(frozen=True)
class TitleMove:
    """A title's places in two lists; None where it was or is not listed. Skipped titles have no place."""

    tmdb_id: int
    title: str
    rank_before: int | None
    rank: int | None
    watchers_before: int | None
    watchers: int | None

    @property
    def places(self) -> int:
        """By how many places it rose; negative where it fell, 0 for one that is new or gone."""
        if self.rank is None or self.rank_before is None:
            return 0
        return self.rank_before - self.rank


@dataclass(frozen=True)
class Movement:
    """All titles of two cycles. `before` is None where there is only one: then all are new."""

    before: Cycle | None
    cycle: Cycle
    new: tuple[TitleMove, ...]
    """In the list's order, as those that are gone in the order of the list before."""
    gone: tuple[TitleMove, ...]
    risen: tuple[TitleMove, ...]
    """Those that rose most first; those that fell most likewise."""
    fallen: tuple[TitleMove, ...]
    unmoved: tuple[TitleMove, ...]
    depth: int | None = None
    """How many places are compared, where one list was asked for fewer than the other."""


def movement(database: Database, medium: Medium, cycle_ids: tuple[int, int] | None = None) -> Movement:
    """Compare two cycles, the older with the newer one; by default the latest with the one before it.

    Raises `UnknownCycle` where there is no cycle, or none of these ids.
    """
    with database.reading() as conn:
        before, cycle = _chosen(conn, medium, cycle_ids) if cycle_ids else _latest(conn, medium)
        titles = cycles.titles_of(conn, cycle.id)
        titles_before = cycles.titles_of(conn, before.id) if before else []
    return moved(before, cycle, titles_before, titles)


def moved(
    before: Cycle | None, cycle: Cycle, titles_before: Iterable[CycleTitle], titles: Iterable[CycleTitle]
) -> Movement:
    """The movement between two lists, each in its order.

    What one list was not asked for is not compared: it says nothing of those places.
    """
    asked = {each.asked for each in (before, cycle) if each and each.asked}
    depth = min(asked) if len(asked) > 1 else None
    places, places_before = _places(titles, depth), _places(titles_before, depth)
    both = [_move(places_before[tmdb_id], place) for tmdb_id, place in places.items() if tmdb_id in places_before]
    return Movement(
        before,
        cycle,
        new=tuple(_move(None, place) for tmdb_id, place in places.items() if tmdb_id not in places_before),
        gone=tuple(_move(place, None) for tmdb_id, place in places_before.items() if tmdb_id not in places),
        risen=tuple(sorted((move for move in both if move.places > 0), key=lambda move: -move.places)),
        fallen=tuple(sorted((move for move in both if move.places < 0), key=lambda move: move.places)),
        unmoved=tuple(move for move in both if move.places == 0),
        depth=depth,
    )


def _latest(conn: Connection, medium: Medium) -> tuple[Cycle | None, Cycle]:
    cycle = cycles.latest_cycle(conn, medium)
    if cycle is None:
        raise UnknownCycle(f"there is no cycle of {medium} yet: `ratingo sync {medium}`")
    return cycles.cycle_before(conn, cycle), cycle


def _chosen(conn: Connection, medium: Medium, cycle_ids: tuple[int, int]) -> tuple[Cycle, Cycle]:
    found = []
    for cycle_id in cycle_ids:
        cycle = cycles.cycle_of(conn, medium, cycle_id)
        if cycle is None:
            raise UnknownCycle(f"there is no cycle {cycle_id} of {medium}; `ratingo status` names the latest")
        found.append(cycle)
    before, cycle = sorted(found, key=lambda cycle: cycle.cycle_at)
    return before, cycle


def _places(titles: Iterable[CycleTitle], depth: int | None) -> dict[int, CycleTitle]:
    """By TMDB id, in the list's order: of a title listed twice its first place, of one that is skipped none.

    One that a newer cycle came before had its place in the list all the same.
    """
    places: dict[int, CycleTitle] = {}
    for title in titles:
        skipped = title.outcome == Standing.SKIPPED and title.reason != cycles.SUPERSEDED
        if not skipped and (depth is None or title.rank <= depth):
            places.setdefault(title.tmdb_id, title)
    return places


def _move(before: CycleTitle | None, now: CycleTitle | None) -> TitleMove:
    known = now or before
    assert known is not None  # noqa: S101 - a title of neither list moved nowhere
    return TitleMove(
        tmdb_id=known.tmdb_id,
        title=known.title or str(known.tmdb_id),
        rank_before=before.rank if before else None,
        rank=now.rank if now else None,
        watchers_before=before.watching if before else None,
        watchers=now.watching if now else None,
    )
