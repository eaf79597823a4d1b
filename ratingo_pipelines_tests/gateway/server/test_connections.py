"""Which connection gives way, and which is closed; time is a number that the test moves."""

import resource

import pytest

from ratingo_pipelines.gateway.server.connections import Connections, Phase
from ratingo_pipelines.gateway.server.descriptors import connection_bound


class Connection:
    """A connection that notes its end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Book(Connections):
    """A book with a clock of its own."""

    def __init__(self, bound: int) -> None:
        self.time = 100.0
        super().__init__(bound, lambda: self.time)

    def take(self, name: str, phase: Phase = Phase.HEAD) -> Connection:
        """One more connection, a second after the last one."""
        self.time += 1
        connection = Connection(name)
        self.accepted()
        self.begins(connection, phase)
        return connection

    def gives_way(self, *connections: Connection) -> list[str]:
        """Who is closed now, in order, until nobody may be closed any more."""
        closed = []
        while self.may_give_way():
            before = {each.name for each in connections if each.aborted}
            self.give_way()
            closed += [each.name for each in connections if each.aborted and each.name not in before]
        return closed


def test_the_oldest_without_a_whole_head_gives_way_first_then_who_was_not_let_in() -> None:
    book = Book(4)
    asking = book.take("asking", Phase.REQUEST)
    working = book.take("working", Phase.ADMITTED)
    old, young = book.take("old"), book.take("young")
    book.time += 1

    assert book.gives_way(asking, working, old, young) == ["old", "young", "asking"]
    assert not working.aborted


def test_a_connection_that_just_came_gives_way_to_none() -> None:
    book = Book(1)
    first = book.take("first")

    assert not book.may_give_way()
    book.give_way()
    assert not first.aborted
    book.time += 0.25
    assert book.may_give_way()


def test_who_ends_a_request_waits_for_a_head_again_and_is_the_youngest() -> None:
    book = Book(2)
    first, second = book.take("first", Phase.ADMITTED), book.take("second")
    book.begins(first, Phase.HEAD)
    book.time += 1

    assert book.gives_way(first, second) == ["second", "first"]


def test_the_bound_is_counted_without_those_that_are_being_closed() -> None:
    book = Book(2)
    room = []
    book.on_room = lambda: room.append(book.open)
    first, _ = book.take("first"), book.take("second")
    assert book.above_bound == 0
    book.time += 1

    book.give_way()
    assert (book.open, book.above_bound) == (2, -1)
    book.closed(first)
    assert (book.open, book.above_bound, room) == (1, -1, [1])


def test_a_connection_that_is_being_closed_comes_to_no_other_phase() -> None:
    book = Book(1)
    first = book.take("first")
    book.time += 1
    book.give_way()
    book.begins(first, Phase.ADMITTED)
    book.closed(first)

    assert not book.may_give_way()
    assert book.open == 0


@pytest.mark.parametrize(
    ("phase", "closed"),
    [(Phase.HEAD, True), (Phase.REQUEST, True), (Phase.ADMITTED, False)],
    ids=str,
)
def test_ten_seconds_are_enough_for_who_was_not_let_in(phase: Phase, closed: bool) -> None:
    book = Book(9)
    connection = book.take("slow", phase)
    book.time += 9.9
    book.close_the_slow()
    assert not connection.aborted

    book.time += 0.1
    book.close_the_slow()
    assert connection.aborted is closed


def test_a_flood_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    book = Book(1)
    for number in range(100):
        book.take(str(number))
    book.time += 1
    while book.may_give_way():
        book.give_way()
    assert len(caplog.records) == 1
    book.take("later")
    book.time += 60
    book.give_way()

    assert "101 so far" in caplog.records[1].getMessage()


@pytest.mark.parametrize(
    ("open_files", "bound"),
    [(64, 32), (20, 16), (1024, 512), (4096, 1000), (1_048_576, 1000), (resource.RLIM_INFINITY, 1000)],
)
def test_half_of_the_open_files_at_most_are_for_callers(open_files: int, bound: int) -> None:
    assert connection_bound(open_files) == bound
