"""The pages of what is being watched in a browser: on a phone and a desk, by keyboard, and for who cannot see them."""

from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from ratingo_pipelines_tests.browser.visit import Visit
from ratingo_pipelines_tests.gateway.served import PASSWORD
from ratingo_pipelines_tests.gateway.whole import Whole
from ratingo_pipelines_tests.installation import until

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = (
    "const done = arguments[0]; axe.run().then(found => done(found.violations.map(v => [v.id, v.nodes[0].html])));"
)
FOCUSED = "return document.activeElement.getAttribute('href') || document.activeElement.className"
WIDTHS = {"phone": 390, "desk": 1280}


@pytest.fixture(scope="module")
def visit(browser: Chrome, whole: Whole) -> Visit:
    """Somebody who wanted to see the list and had to log in first."""
    until(whole.ready, 90, "all parts are ready")
    whole.get("/api/sync/trending")
    whole.get("/api/sync/trending/process?limit=50")
    whole.get("/api/sync/calendar/sync")
    visit = Visit(browser, whole.url)
    visit.go("/watching")
    visit.log_in(PASSWORD)
    return visit


@pytest.fixture(scope="module")
def title(whole: Whole) -> str:
    """The path of the page of the first show."""
    first = whole.get("/watching.json").json()["watching"]["shows"][0]
    return f"/watching/titles/shows/{first['tmdb_id']}"


def test_the_login_lands_where_one_wanted_to_go(visit: Visit) -> None:
    visit.is_at("/watching")
    visit.sees("Що дивляться зараз", "Стан синхронізації")


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("page", ["list", "title", "calendar"])
def test_no_page_is_wider_than_the_screen(visit: Visit, title: str, page: str, width: int) -> None:
    emulated = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    visit.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", emulated)
    visit.go({"list": "/watching", "title": title, "calendar": "/watching/calendar"}[page])
    assert visit.browser.execute_script("return document.documentElement.scrollWidth") <= width
    visit.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_is_reached_by_keyboard(visit: Visit, title: str) -> None:
    visit.go("/watching")
    reached = []
    for _ in range(8):
        ActionChains(visit.browser).send_keys(Keys.TAB).perform()
        reached.append(visit.browser.execute_script(FOCUSED))
    assert reached[:5] == ["/watching", "/watching/calendar", "/", "/watching?lang=en", "scroll"]
    assert reached[5] == title
    visit.go("/watching")
    for _ in range(6):
        ActionChains(visit.browser).send_keys(Keys.TAB).perform()
    ActionChains(visit.browser).send_keys(Keys.ENTER).perform()
    visit.is_at(title)


@pytest.mark.skipif(not AXE.exists(), reason="npm is not installed; axe-core is not there")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["list", "title", "calendar"])
def test_axe_finds_nothing_to_complain_of(visit: Visit, title: str, page: str, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    visit.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    visit.go({"list": "/watching?lang=en", "title": title, "calendar": "/watching/calendar"}[page])
    visit.browser.execute_script(AXE.read_text(encoding="utf-8"))
    assert visit.browser.execute_async_script(RUN_AXE) == []


def test_the_state_of_the_sync_renews_itself_while_somebody_looks_on(visit: Visit) -> None:
    visit.go("/watching")
    visit.browser.execute_script("document.getElementById('state').className = 'seen'")
    renewed = "return document.getElementById('state').className !== 'seen'"
    visit.eventually(lambda: visit.browser.execute_script(renewed), "the state is renewed")
    visit.sees("Стан синхронізації", "Останній запит списку")


def test_a_title_is_fetched_by_its_button(visit: Visit, title: str) -> None:
    visit.go(title)
    visit.click("Завантажити зараз")
    visit.eventually(lambda: visit.path.startswith(f"{title}?run="), "the page names the run")
    visit.sees("Тайтл завантажується")


def test_the_pages_and_dagsters_lead_to_one_another(visit: Visit) -> None:
    visit.go("/watching")
    visit.browser.find_element("link text", "Dagster").click()
    visit.eventually(lambda: "watching" not in visit.path and "Runs" in visit.text, "Dagster's UI is there")
