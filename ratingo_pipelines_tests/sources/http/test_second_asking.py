"""Answers of which nothing can be made, one after the other: how often they are asked for once more."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from ratingo_pipelines.sources.errors import BadPayload, Misrouted, SourceError
from ratingo_pipelines.sources.http import JsonApi
from ratingo_pipelines.sources.http.api import JsonAnswer
from ratingo_pipelines.sources.http.second_asking import ALIKE
from ratingo_pipelines_tests.sources.apis import HandedClock, api_of
from ratingo_pipelines_tests.sources.http.misbehaving import misbehaving_server, sends

LIE, TRUTH = sends({"error": "upstream unavailable"}), sends({"well": True})
ROUND = 16


def read(api: JsonApi, path: str, error: type[SourceError] = BadPayload) -> bool:
    def parse(answer: JsonAnswer) -> bool:
        if "error" in answer.payload:
            raise error("Fake", "says nothing")
        return True

    return bool(api.read(path, parse=parse))


@pytest.mark.parametrize("error", [BadPayload, Misrouted])
def test_where_nothing_usable_comes_answers_are_asked_for_once_and_no_more(error: type[SourceError]) -> None:
    with misbehaving_server(a=[LIE]) as server, api_of(server.url, clock=HandedClock()) as api:
        for _ in range(8):
            with pytest.raises(error):
                read(api, "/a", error)
        assert server.count() == 3 * 2 + 5
        assert api.retries == 3


def test_after_a_usable_answer_an_unusable_one_is_asked_for_again() -> None:
    lies = [LIE] * (ALIKE + 3)
    with misbehaving_server(a=[*lies, TRUTH, LIE, TRUTH]) as server, api_of(server.url, clock=HandedClock()) as api:
        for _ in range(5):
            with pytest.raises(BadPayload):
                read(api, "/a")
        assert server.count() == len(lies)
        assert read(api, "/a")
        assert read(api, "/a")
        assert server.count() == len(lies) + 3


def in_one_round(api: JsonApi, ask: Callable[[JsonApi, str, Barrier], bool]) -> list[bool]:
    together = Barrier(ROUND)
    with ThreadPoolExecutor(ROUND) as pool:
        return list(pool.map(lambda number: ask(api, f"/t{number}", together), range(ROUND)))


def read_together(api: JsonApi, path: str, together: Barrier) -> bool:
    """Whether something usable came; nobody judges its first answer before all have theirs."""
    first = True

    def parse(answer: JsonAnswer) -> bool:
        nonlocal first
        if first:
            first = False
            together.wait(timeout=30)
        if "error" in answer.payload:
            raise BadPayload("Fake", "says nothing")
        return True

    try:
        return bool(api.read(path, parse=parse))
    except BadPayload:
        return False


def test_a_round_that_is_answered_alike_is_asked_again_by_a_few_for_all() -> None:
    lies = {f"t{number}": [LIE] for number in range(ROUND)}
    with misbehaving_server(**lies) as server, api_of(server.url, concurrency=ROUND) as api:
        assert in_one_round(api, read_together) == [False] * ROUND
        assert server.count() <= ROUND + ALIKE


def test_where_asking_again_helps_one_it_is_done_for_all() -> None:
    lies = {f"t{number}": [LIE, TRUTH] for number in range(ROUND)}
    with misbehaving_server(**lies) as server, api_of(server.url, concurrency=ROUND) as api:
        assert in_one_round(api, read_together) == [True] * ROUND
        assert server.count() == 2 * ROUND
