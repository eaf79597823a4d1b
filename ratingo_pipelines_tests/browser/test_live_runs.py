"""A run's page shows what happens while it happens, whichever storage Dagster keeps its events in."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.browser.visit import Visit
from ratingo_pipelines_tests.e2e.installations import AT_WORK, embedded, production, under_way
from ratingo_pipelines_tests.gateway.served import PASSWORD
from ratingo_pipelines_tests.gateway.whole import Whole, start
from ratingo_pipelines_tests.installation import kill_family, until

pytestmark = pytest.mark.browser

ONE_BY_ONE = {**AT_WORK, "CONCURRENCY": 1}
TITLES = 3
SLOW = {"kind": "latency", "api": "tmdb", "ms": 3000}
IS_THE_PAGE_OF_BEFORE = "return window.openedOnce === true"


@pytest.fixture(params=["embedded", "production"])
def whole(request: pytest.FixtureRequest, tmp_path: Path, sandbox: RunningSandbox) -> Iterator[Whole]:
    """An installation that has begun to work a cycle of shows off, title by title."""
    if request.param == "embedded":
        env = embedded(tmp_path, sandbox, ONE_BY_ONE)
    else:
        env = production(tmp_path, sandbox, ONE_BY_ONE, request.getfixturevalue("postgres_url"))
    running = start(tmp_path, env)
    try:
        until(running.ready, 90, "all parts are ready")
        sandbox.faults(SLOW)
        running.get("/api/sync/trending")
        yield running
    finally:
        sandbox.faults()
        kill_family(running.process)


def test_a_runs_page_shows_each_title_and_the_end_without_being_loaded_anew(
    whole: Whole, browser: Chrome, sandbox: RunningSandbox
) -> None:
    [run] = until(lambda: under_way(whole), 60, "the run starts")
    visit = Visit(browser, whole.url)
    # The list of events draws what fits.
    browser.set_window_size(1600, 4000)
    visit.go(f"/runs/{run}")
    visit.log_in(PASSWORD)
    visit.is_at(f"/runs/{run}")
    browser.execute_script("window.openedOnce = true")

    visit.sees("STEP_START")
    before = titles_in(visit.text)
    # The list follows its end: what was shown first may have left it.
    visit.eventually(lambda: len(titles_in(visit.text) - before) >= TITLES, "more titles are shown")
    still_under_way = under_way(whole)
    sandbox.faults()
    visit.sees("RUN_SUCCESS")

    assert still_under_way == [run], "they were shown when all was over"
    assert browser.execute_script(IS_THE_PAGE_OF_BEFORE), "the page was loaded anew"


def titles_in(text: str) -> set[str]:
    """The titles that a run's page shows as stored, by their partitions."""
    return set(re.findall(r"^partition (\d+)$", text, re.MULTILINE))
