"""How the list moved between two cycles, drawn as tables. What moved is told in `sync.movement`."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.cycles import Cycle
from ratingo_pipelines.sync.movement import Movement, TitleMove
from ratingo_pipelines.terminal.fitting import TableColumn, fitted_table
from ratingo_pipelines.text import counted, visible

NOTHING = "–"


def movement_lines(medium: Medium, found: Movement) -> Iterator[str]:
    """What is compared, and how many titles moved how."""
    against = f"with {_named(found.before)}" if found.before else "the first one"
    depth = f", the first {counted(found.depth, 'place')} of both" if found.depth else ""
    yield f"{medium}: {_named(found.cycle)}, {against}{depth}"
    yield (
        f"  {len(found.new)} new, {len(found.gone)} gone, {len(found.risen)} risen, {len(found.fallen)} fallen, "
        f"{len(found.unmoved)} in the same place"
    )


def movement_tables(found: Movement, limit: int, width: int) -> Iterator[Table]:
    """A table for each way to move that a title took, of the first `limit` titles."""
    for name, moves in (("New", found.new), ("Gone", found.gone), ("Risen", found.risen), ("Fallen", found.fallen)):
        if moves:
            more = f", the first {limit} of {len(moves)}" if len(moves) > limit else ""
            yield fitted_table(f"{name}{more}", _columns(moves[:limit]), width)


def _named(cycle: Cycle) -> str:
    return f"cycle {cycle.id} of {cycle.cycle_at:%Y-%m-%d %H:%M} UTC"


def _columns(moves: Sequence[TitleMove]) -> list[TableColumn]:
    return [
        TableColumn("#", [_number(move.rank) for move in moves], right=True),
        TableColumn("title", [Text(visible(move.title)) for move in moves], shortened_to=18),
        TableColumn("was", [_number(move.rank_before) for move in moves], right=True),
        TableColumn("places", [_signed(move.places or None) for move in moves], right=True),
        TableColumn("watching", [_number(move.watchers) for move in moves], right=True),
        TableColumn("change", [_signed(_change(move)) for move in moves], right=True),
        TableColumn("TMDB", [Text(str(move.tmdb_id), "dim") for move in moves], right=True),
    ]


def _change(move: TitleMove) -> int | None:
    """In people watching."""
    if move.watchers is None or move.watchers_before is None:
        return None
    return move.watchers - move.watchers_before


def _number(value: int | None) -> Text:
    return Text(NOTHING if value is None else f"{value:,}".replace(",", " "))


def _signed(value: int | None) -> Text:
    if value is None:
        return Text(NOTHING, "dim")
    return Text(f"{value:+,}".replace(",", " "), "green" if value > 0 else "red" if value < 0 else "dim")
