"""Pages of other sites in a real browser in which somebody is logged in: they start nothing, see nothing, end nothing.

Tried from another port of the very host, which shares its cookies, and from another site; at the address of this
machine, where Chromium says of every request where it comes from, and at a name over plain http, where it does not.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from werkzeug import Request, Response

from ratingo_pipelines_tests.answering import answering
from ratingo_pipelines_tests.browser.conftest import chromium
from ratingo_pipelines_tests.gateway.served import PASSWORD
from ratingo_pipelines_tests.gateway.whole import Whole
from ratingo_pipelines_tests.installation import until

NAME, OTHER = "ratingo.test", "evil.test"
TRIGGER = "/api/sync/calendar/prune?wait=0"
UNDER_WAY = "{ runsOrError(filter: {statuses: [QUEUED, STARTING, STARTED]}) { ... on Runs { count } } }"
RUNS = "{ runsOrError { ... on Runs { count } } }"
LAUNCH = (
    'mutation { launchRun(executionParams: {selector: {repositoryLocationName: "ratingo_pipelines", '
    'repositoryName: "__repository__", jobName: "shows_calendar_prune"}}) { __typename } }'
)
ATTACK = """<!doctype html><title>attack</title>
<body>
<script>
const base = %(base)s, launch = %(launch)s, body = JSON.stringify({query: launch});
const tried = [];
function image(path) {
  return new Promise(done => { const it = new Image(); it.onload = it.onerror = done; it.src = base + path; });
}
function form(path, method, fields, enctype) {
  return new Promise(done => {
    const frame = document.createElement("iframe"), it = document.createElement("form");
    frame.name = "f" + Math.random(); frame.onload = () => setTimeout(done, 50); document.body.append(frame);
    Object.assign(it, {action: base + path, method, target: frame.name});
    if (enctype) it.enctype = enctype;
    for (const [name, value] of Object.entries(fields)) {
      const field = document.createElement("input"); field.name = name; field.value = value; it.append(field);
    }
    document.body.append(it); it.submit(); setTimeout(done, 3000);
  });
}
function ask(path, given) {
  return fetch(base + path, {credentials: "include", ...given}).then(it => it.status || it.type, () => "refused");
}
function websocket() {
  return new Promise(done => {
    const it = new WebSocket(base.replace("http", "ws") + "/graphql", "graphql-ws");
    it.onopen = () => it.send('{"type": "connection_init"}');
    it.onmessage = message => done(message.data); it.onerror = it.onclose = () => done("refused");
  });
}
function framed() {
  return new Promise(done => {
    const it = document.createElement("iframe"); it.src = base + "/runs";
    it.onload = done; document.body.append(it); setTimeout(done, 3000);
  });
}
async function all() {
  const trigger = "%(trigger)s";
  const query = "?query=" + encodeURIComponent(launch);
  for (const path of [trigger, "/api/sync/%%63alendar/prune?wait=0", "/api%%2fsync/calendar/prune?wait=0", "/logout",
    "/graphql" + query, "/graphql%%0a" + query, "/graphql/" + query, "//graphql" + query]) await image(path);
  for (const path of [trigger, "/logout", "/report_asset_materialization/shows/omdb"]) {
    await form(path, "post", {everywhere: "yes"}); await form(path, "get", {});
  }
  // {"query": "...", "x": "="}: a form whose body is JSON.
  await form("/graphql", "post", {['{"query":' + JSON.stringify(launch) + ',"x":"']: '"}'}, "text/plain");
  await form("/graphql%%0a", "post", {['{"query":' + JSON.stringify(launch) + ',"x":"']: '"}'}, "text/plain");
  tried.push(await ask("/graphql", {method: "POST", body, mode: "no-cors", headers: {"Content-Type": "text/plain"}}));
  tried.push(await ask("/graphql", {method: "POST", body, headers: {"Content-Type": "application/json"}}));
  tried.push(await ask(trigger, {method: "POST", mode: "no-cors"}));
  tried.push(await ask(trigger, {method: "DELETE"}));
  tried.push(await ask("/logout", {method: "POST", mode: "no-cors"}));
  tried.push(await ask("/api/sync/trending/status", {}));
  navigator.sendBeacon(base + "/graphql", new Blob([body], {type: "text/plain"}));
  navigator.sendBeacon(base + trigger);
  const socket = await websocket();
  await framed();
  document.title = JSON.stringify({done: true, tried, socket});
}
all();
</script>
</body>
"""
OURS = """
const done = arguments[arguments.length - 1];
fetch(arguments[0], {method: "POST"}).then(answer => answer.json()).then(answer => done(answer.success));
"""


@dataclass(frozen=True)
class Hostile:
    """Another site: its pages attack the installation at `base`."""

    port: int

    def page(self, host: str, base: str) -> str:
        """The address of a page of its own, under a name."""
        return f"http://{host}:{self.port}/?base={quote(base, safe='')}"


@pytest.fixture(scope="module")
def hostile() -> Iterator[Hostile]:
    """The other site."""

    def page(request: Request) -> Response:
        # Browsers ask for an icon too.
        given = {"base": json.dumps(request.args.get("base", "")), "launch": json.dumps(LAUNCH), "trigger": TRIGGER}
        return Response(ATTACK % given, content_type="text/html")

    with answering(page) as url:
        port = urlsplit(url).port
        assert port
        yield Hostile(port)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser to which both names are this machine."""
    profile: Path = tmp_path_factory.mktemp("profile")
    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in (NAME, OTHER))
    with chromium(
        profile, f"--host-resolver-rules={rules}", "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode"
    ) as driver:
        yield driver


def log_in(browser: Chrome, base: str, wanted: str = "/healthz") -> None:
    """As a person does; afterwards the browser is where it wanted to go."""
    browser.get(f"{base}/login?next={quote(wanted, safe='/')}")
    browser.find_element(By.NAME, "secret").send_keys(PASSWORD)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    until(lambda: not browser.current_url.startswith(f"{base}/login"), 20, "the browser is logged in")


def console(browser: Chrome) -> list[str]:
    """What the browser complained of since the last time."""
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]


def path_of(browser: Chrome, base: str) -> str:
    """Where the browser is."""
    return browser.current_url.removeprefix(base)


@pytest.mark.parametrize("host", ["127.0.0.1", NAME])
@pytest.mark.parametrize("attacker", ["the same host", OTHER])
def test_a_hostile_page_starts_nothing_sees_nothing_and_logs_nobody_out(
    door: Whole, browser: Chrome, hostile: Hostile, host: str, attacker: str
) -> None:
    base = f"http://{host}:{door.url.rpartition(':')[2]}"
    log_in(browser, base)
    before = door.graphql(RUNS)["runsOrError"]["count"]

    browser.get(hostile.page(host if attacker == "the same host" else attacker, base))
    told = json.loads(until(lambda: browser.title if "done" in browser.title else None, 90, "all was tried"))

    assert door.graphql(RUNS)["runsOrError"]["count"] == before
    assert told["socket"] == "refused"
    assert [said for said in console(browser) if "frame" in said], "framing was refused"
    assert set(told["tried"]) <= {"refused", "opaque"}
    browser.get(f"{base}/runs")
    assert path_of(browser, base).startswith("/runs")
    # What was tried works for a page of ours: the attacks failed for where they came from.
    browser.get(f"{base}/healthz")
    assert browser.execute_async_script(OURS, TRIGGER) is True
    assert door.graphql(RUNS)["runsOrError"]["count"] == before + 1
    until(lambda: not door.graphql(UNDER_WAY)["runsOrError"]["count"], 90, "the run is over")


@pytest.mark.parametrize("host", ["127.0.0.1", NAME])
@pytest.mark.parametrize(
    "wanted", [TRIGGER, "/logout", f"//{OTHER}/", f"http://{OTHER}/", "/%6cogout", "/api/sync/%63alendar/prune"]
)
def test_the_way_to_the_login_leads_on_to_no_trigger_out_again_or_to_another_site(
    door: Whole, browser: Chrome, host: str, wanted: str
) -> None:
    base = f"http://{host}:{door.url.rpartition(':')[2]}"
    before = door.graphql(RUNS)["runsOrError"]["count"]
    browser.delete_all_cookies()

    log_in(browser, base, wanted)

    assert browser.current_url.startswith(base)
    assert not path_of(browser, base).startswith(("/api/sync", "/login", "/logout"))
    assert door.graphql(RUNS)["runsOrError"]["count"] == before


def test_a_person_who_types_a_trigger_s_address_is_told_to_use_post(door: Whole, browser: Chrome) -> None:
    base = f"http://{NAME}:{door.url.rpartition(':')[2]}"
    log_in(browser, base)
    before = door.graphql(RUNS)["runsOrError"]["count"]

    browser.get(base + TRIGGER)

    assert "asked by POST" in browser.find_element(By.TAG_NAME, "body").text
    assert door.graphql(RUNS)["runsOrError"]["count"] == before


def test_pages_of_the_ui_whose_addresses_have_encoded_slashes_open(door: Whole, browser: Chrome) -> None:
    base = f"http://{NAME}:{door.url.rpartition(':')[2]}"
    log_in(browser, base)

    browser.get(f"{base}/asset-groups~key%3A%22shows%2Fdetails%22")

    until(lambda: "details" in browser.find_element(By.TAG_NAME, "body").text, 60, "the graph is drawn")


def test_the_ui_breaks_none_of_its_own_policies(door: Whole, browser: Chrome) -> None:
    base = f"http://127.0.0.1:{door.url.rpartition(':')[2]}"
    log_in(browser, base)
    console(browser)

    for path in ("/", "/assets", "/locations/ratingo_pipelines/asset-groups/shows/lineage", "/runs", "/automation"):
        browser.get(base + path)
        until(lambda: "Ratingo" in browser.page_source or "dagster" in browser.page_source.lower(), 30, "it is there")

    assert [said for said in console(browser) if "Security Policy" in said or "frame-ancestors" in said] == []
