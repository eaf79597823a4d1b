"""What people do: log in, look at the assets, launch a backfill, see it end, log out, be refused.

One visit, told in the order in which it happens.
"""

import pytest
from selenium.webdriver import Chrome

from ratingo_pipelines_tests.browser.visit import Visit
from ratingo_pipelines_tests.gateway.served import PASSWORD
from ratingo_pipelines_tests.gateway.whole import Whole
from ratingo_pipelines_tests.installation import until

pytestmark = pytest.mark.browser

BACKFILL_SECONDS = 240
GREET_BY_WEBSOCKET = """
const done = arguments[arguments.length - 1];
const socket = new WebSocket(location.origin.replace("http", "ws") + "/graphql", "graphql-ws");
socket.onopen = () => socket.send('{"type": "connection_init"}');
socket.onmessage = message => { done(JSON.parse(message.data).type); socket.close(); };
socket.onerror = () => done("refused");
"""
ASK_GRAPHQL = """
const done = arguments[arguments.length - 1];
fetch("/graphql", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"query": "{ __typename }"}'})
  .then(answer => done(answer.status));
"""


@pytest.fixture(scope="module")
def visit(browser: Chrome, whole: Whole) -> Visit:
    """The visit, to an installation with a cycle that waits to be worked off."""
    until(whole.ready, 90, "all parts are ready")
    assert whole.get("/api/sync/trending").json()["success"] is True
    return Visit(browser, whole.url)


def test_a_visitor_is_led_to_the_login(visit: Visit) -> None:
    visit.go("/locations/ratingo_pipelines/asset-groups/shows/lineage")

    visit.is_at("/login?next=/locations/ratingo_pipelines/asset-groups/shows/lineage")
    assert "dagster" not in visit.browser.page_source.lower()


def test_before_the_login_there_is_neither_graphql_nor_a_websocket(visit: Visit) -> None:
    # A page of this site whose policy does not forbid to try.
    visit.go("/healthz")

    assert visit.browser.execute_async_script(ASK_GRAPHQL) == 401
    assert visit.browser.execute_async_script(GREET_BY_WEBSOCKET) == "refused"


def test_a_wrong_password_is_asked_for_again(visit: Visit) -> None:
    visit.go("/login")
    visit.log_in("open sesame")

    visit.sees("That is not it.")
    assert visit.path == "/login"


def test_after_the_login_the_asset_graph_opens_where_the_visitor_wanted(visit: Visit) -> None:
    visit.go("/locations/ratingo_pipelines/asset-groups/shows/lineage")
    visit.log_in(PASSWORD)

    visit.is_at("/locations/ratingo_pipelines/asset-groups/shows/lineage")
    visit.sees("trending", "details", "ratings", "sparklines", "sync_report", "Materialize all")


def test_after_the_login_graphql_and_websockets_work(visit: Visit) -> None:
    assert visit.browser.execute_async_script(ASK_GRAPHQL) == 200
    assert visit.browser.execute_async_script(GREET_BY_WEBSOCKET) == "connection_ack"


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites(visit: Visit) -> None:
    cookie = visit.browser.get_cookie("ratingo_session")

    assert cookie
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert visit.browser.execute_script("return document.cookie") == ""


def test_a_backfill_is_launched_and_seen_to_its_end(visit: Visit, whole: Whole) -> None:
    visit.go("/assets/shows/details?view=partitions")
    visit.sees("Missing (18)")
    visit.click("Materialize…")
    visit.click("All")
    visit.click("Launch backfill")
    backfills = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } } }"
    launched = until(
        lambda: whole.graphql(backfills)["partitionBackfillsOrError"]["results"], 30, "the backfill is launched"
    )

    visit.go(f"/runs/b/{launched[0]['id']}?tab=runs")
    visit.sees(launched[0]["id"])
    visit.sees("Succeeded", seconds=BACKFILL_SECONDS)

    visit.go("/assets/shows/details?view=partitions")
    visit.sees("Missing (0)", "Failed (0)")


def test_the_endpoints_are_described_to_people(visit: Visit) -> None:
    visit.go("/api/docs")

    visit.sees("/api/sync/movies/trending/full")


def test_after_logging_out_the_visitor_is_refused_again(visit: Visit) -> None:
    cookie = visit.browser.get_cookie("ratingo_session")
    assert cookie
    visit.go("/logout")
    visit.click("Log out")
    visit.is_at("/login")

    visit.go("/runs")
    visit.is_at("/login?next=/runs")
    visit.go("/healthz")
    assert visit.browser.execute_async_script(ASK_GRAPHQL) == 401
    assert visit.browser.execute_async_script(GREET_BY_WEBSOCKET) == "refused"

    visit.browser.add_cookie({"name": "ratingo_session", "value": cookie["value"]})
    visit.go("/runs")
    visit.is_at("/login?next=/runs")
