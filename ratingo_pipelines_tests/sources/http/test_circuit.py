"""When an API is left alone, and when it is asked again."""

from time import sleep

import pytest

from ratingo_pipelines.sources.errors import CircuitOpen
from ratingo_pipelines.sources.http.circuit import Circuit


def opened(circuit: Circuit) -> bool:
    try:
        circuit.check()
    except CircuitOpen:
        return True
    return False


def test_it_opens_at_the_last_tolerated_failure_and_not_before() -> None:
    circuit = Circuit("TMDB", failures=3)
    for expected in (False, False, True):
        circuit.failed()
        assert opened(circuit) is expected


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuit = Circuit("TMDB", failures=3)
    circuit.failed()
    circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert not opened(circuit)


def test_after_a_while_requests_may_try_and_one_failure_is_enough_to_open_it_again() -> None:
    circuit = Circuit("TMDB", failures=3, open_seconds=0.05)
    for _ in range(3):
        circuit.failed()
    sleep(0.06)
    assert not opened(circuit)
    circuit.failed()
    assert opened(circuit)


def test_after_a_while_a_success_closes_it() -> None:
    circuit = Circuit("TMDB", failures=3, open_seconds=0.05)
    for _ in range(3):
        circuit.failed()
    sleep(0.06)
    circuit.check()
    circuit.succeeded()
    circuit.failed()
    assert not opened(circuit)


def test_the_error_says_what_happened_and_when_to_try_again() -> None:
    circuit = Circuit("TMDB", failures=1)
    circuit.failed()
    with pytest.raises(CircuitOpen, match=r"^TMDB: failed 1 times in a row .* try again at \d\d:\d\d UTC$"):
        circuit.check()
