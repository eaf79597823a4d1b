"""Makes the pictures of the documentation from the demo, in Chromium: `make screenshots`.

Where TMDB's host of pictures is not reached, the demo's posters are missing, as its titles are invented anyway.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from ratingo_pipelines_tests import installation
from ratingo_pipelines_tests.browser.conftest import chromium
from ratingo_pipelines_tests.browser.visit import Visit
from ratingo_pipelines_tests.gateway.whole import RATINGO, Whole, start

IMAGES = Path(__file__).parents[2] / "docs" / "images"
GRAPH = "/locations/ratingo_pipelines/asset-groups/shows/lineage"
LIST, PAGE = (1280, 900), (1280, 1100)


def main() -> int:
    """Run the demo in a folder of its own, open it, and take each picture; prints a line a file."""
    with tempfile.TemporaryDirectory(prefix="ratingo-screenshots-") as place:
        folder = Path(place)
        with _demo(folder) as running, chromium(folder / "profile") as browser:
            visit = Visit(browser, running.url)
            _watching(visit)
            _title(visit)
            _graph(visit)
    return 0


@contextmanager
def _demo(folder: Path) -> Iterator[Whole]:
    env = installation.environment(RATINGO_HOME=str(folder / "home"))
    subprocess.run([RATINGO, "demo"], cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    running = start(folder, env, command="dev")
    try:
        yield running
    finally:
        running.stop()


def _watching(visit: Visit) -> None:
    visit.browser.set_window_size(*LIST)
    visit.go("/watching")
    _take(visit.browser, "watching.png")


def _title(visit: Visit) -> None:
    visit.browser.set_window_size(*PAGE)
    visit.browser.find_element(By.CSS_SELECTOR, "#movies ~ div tbody a").click()
    visit.eventually(lambda: visit.path.startswith("/watching/titles/movies/"), "a title's page is open")
    _take(visit.browser, "title.png")


def _graph(visit: Visit) -> None:
    visit.browser.set_window_size(*LIST)
    visit.go(GRAPH)
    visit.sees("filled", "sync_report")
    _take(visit.browser, "asset-graph.png")


def _take(browser: Chrome, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(IMAGES / name))
    print(IMAGES / name)  # noqa: T201 - what the target is for


if __name__ == "__main__":
    sys.exit(main())
