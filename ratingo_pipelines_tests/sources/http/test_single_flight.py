"""One request in flight a URL, and nothing kept of those that have come back."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ratingo_pipelines.sources.http.single_flight import SingleFlight


def test_whoever_asks_for_the_same_waits_and_for_something_else_does_not() -> None:
    flights, asking, may_end, order = SingleFlight(), Event(), Event(), list[str]()

    def first() -> None:
        with flights.hold("a"):
            asking.set()
            assert may_end.wait(30)
            order.append("first")

    def second() -> None:
        with flights.hold("a"):
            order.append("second")

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(first)]
        assert asking.wait(30)
        running.append(pool.submit(second))
        with flights.hold("b"):
            order.append("another")
        may_end.set()
    assert [each.result() for each in running] == [None, None]
    assert order == ["another", "first", "second"]
    assert len(flights) == 0


def test_a_url_is_forgotten_with_its_last_request_whatever_became_of_it() -> None:
    flights = SingleFlight()
    with flights.hold("a"), flights.hold("b"):
        assert len(flights) == 2
    assert len(flights) == 0
    with pytest.raises(ValueError, match="it broke"), flights.hold("a"):
        raise ValueError("it broke")
    assert len(flights) == 0
