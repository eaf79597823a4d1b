"""When an API is left alone, when it is asked again, and by whom."""

import re

import pytest

from ratingo_pipelines.sources.errors import CircuitOpen, SourceUnavailable
from ratingo_pipelines.sources.http.circuit import (
    LONGEST_PAUSE_SECONDS,
    PROBE_POLL_SECONDS,
    TOLERATED_BEYOND_WORKERS,
    Circuit,
    Passage,
)
from ratingo_pipelines_tests.sources.apis import HandedClock

CAP = 90.0
BROKEN = SourceUnavailable("TMDB", "/tv/1 failed (502); try again later")


def circuit_of(clock: HandedClock, workers: int = 2) -> Circuit:
    return Circuit("TMDB", workers, clock.steady)


def fail(circuit: Circuit, times: int) -> None:
    """So many requests go out, and fail, one after another."""
    for _ in range(times):
        with circuit.passage() as passage:
            passage.failed(BROKEN)


def opened(clock: HandedClock) -> Circuit:
    circuit = circuit_of(clock)
    fail(circuit, 2 + TOLERATED_BEYOND_WORKERS)
    assert circuit.is_open
    return circuit


def passes(passage: Passage) -> bool:
    return passage.wait(CAP) == 0


@pytest.mark.parametrize(("workers", "tolerated"), [(1, 8), (16, 23), (64, 71)])
def test_the_more_workers_the_more_failures_in_a_row_it_takes(workers: int, tolerated: int) -> None:
    circuit = circuit_of(HandedClock(), workers)
    fail(circuit, tolerated)
    assert not circuit.is_open
    fail(circuit, 1)
    assert circuit.is_open


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuit = circuit_of(HandedClock())
    fail(circuit, 9)
    circuit.passage().succeeded()
    fail(circuit, 9)
    assert not circuit.is_open


@pytest.mark.parametrize(
    ("down_for", "probes"),
    [
        (0.5, [1]),
        (2, [1, 3]),
        (10, [1, 3, 7, 15]),
        (60, [1, 3, 7, 15, 30, 45, 60]),
        (89, [1, 3, 7, 15, 30, 45, 60, 75, 90]),
    ],
)
def test_a_request_that_waits_out_an_outage_goes_when_a_probe_of_growing_distance_finds_it_over(
    down_for: float, probes: list[float]
) -> None:
    clock = HandedClock()
    began = clock.now
    circuit = opened(clock)
    tried = []
    while circuit.is_open:
        with circuit.passage() as passage:
            while seconds := passage.wait(CAP):
                clock.now += seconds
            tried.append(clock.now - began)
            if tried[-1] < down_for:
                passage.failed(BROKEN)
            else:
                passage.succeeded()
    assert tried == probes


@pytest.mark.parametrize(
    ("cap", "asked_until"), [(100, 90), (90, 90), (89, 75), (60, 60), (5, 3), (3, 3), (1, 1), (0.5, 0), (0, 0)]
)
def test_a_request_fails_when_the_pauses_together_would_exceed_the_cap(cap: float, asked_until: float) -> None:
    clock = HandedClock()
    began = clock.now
    circuit = opened(clock)
    last = began

    def ask_in_vain() -> None:
        nonlocal last
        while True:
            with circuit.passage() as passage:
                while seconds := passage.wait(cap):
                    clock.now += seconds
                last = clock.now
                passage.failed(BROKEN)

    with pytest.raises(CircuitOpen) as caught:
        ask_in_vain()
    assert last - began == asked_until
    assert caught.value.stops_api
    with pytest.raises(CircuitOpen):
        circuit.passage().wait(cap)
    clock.now += LONGEST_PAUSE_SECONDS
    assert circuit.passage().wait(cap) == 0, "one may try"


def test_one_request_at_a_time_probes_and_the_others_wait_for_it() -> None:
    clock = HandedClock()
    circuit = opened(clock)
    clock.now += 1
    with circuit.passage() as probe, circuit.passage() as other:
        assert passes(probe)
        assert other.wait(CAP) == PROBE_POLL_SECONDS
        assert passes(probe), "it is asked again after waiting for the rate limit"
        probe.succeeded()
        assert passes(other)


def test_a_probe_that_ends_without_telling_anything_makes_way_for_the_next() -> None:
    clock = HandedClock()
    circuit = opened(clock)
    clock.now += 1
    with circuit.passage() as probe:
        assert passes(probe)
    with circuit.passage() as other:
        assert passes(other)
    assert circuit.is_open


def test_what_was_under_way_when_it_opened_neither_prolongs_the_pause_nor_ends_the_probe() -> None:
    clock = HandedClock()
    circuit = circuit_of(clock)
    with circuit.passage() as straggler, circuit.passage() as other:
        fail(circuit, 10)
        straggler.failed(BROKEN)
        clock.now += 1
        with circuit.passage() as probe:
            assert passes(probe)
            other.failed(BROKEN)
            assert circuit.passage().wait(CAP) == PROBE_POLL_SECONDS
            probe.failed(BROKEN)
    assert circuit.passage().wait(CAP) == 2


def test_past_the_cap_those_who_meet_a_probe_do_not_wait_for_it() -> None:
    clock = HandedClock()
    circuit = opened(clock)
    clock.now += 1
    with circuit.passage() as probe, circuit.passage() as other:
        assert probe.wait(0) == 0
        with pytest.raises(CircuitOpen):
            other.wait(0)
        probe.succeeded()
        assert other.wait(0) == 0


def test_a_circuit_that_opens_anew_begins_with_a_short_pause() -> None:
    clock = HandedClock()
    circuit = opened(clock)
    for _ in range(4):
        with circuit.passage() as probe:
            clock.now += probe.wait(CAP)
            assert passes(probe)
            probe.failed(BROKEN)
    circuit.passage().succeeded()
    fail(circuit, 10)
    assert circuit.passage().wait(CAP) == 1


def test_the_error_says_what_happened_and_when_to_try_again() -> None:
    with pytest.raises(CircuitOpen) as caught:
        opened(HandedClock()).passage().wait(0)
    said = r"TMDB: failed 10 times in a row and is left alone \(/tv/1 failed \(502\)\); try again at \d\d:\d\d UTC"
    assert re.fullmatch(said, str(caught.value))
