"""A browser without a screen, from the system's packages. `make test-browser` installs it where it is missing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from ratingo_pipelines_tests.gateway.whole import whole, whole_sandbox

__all__ = ["whole", "whole_sandbox"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Chromium with a profile of its own."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@contextmanager
def chromium(profile: Path, *flags: str) -> Iterator[Chrome]:
    """Chromium with this folder as its profile. Fails, rather than skips, where there is none."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.fail(f"{' and '.join(missing)} not found: on Debian, `apt-get install chromium chromium-driver`")
    options = Options()
    options.binary_location = str(programs["chromium"])
    for flag in (*FLAGS, f"--user-data-dir={profile}", *flags):
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service(str(programs["chromedriver"])))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(30)
    try:
        yield driver
    finally:
        driver.quit()
