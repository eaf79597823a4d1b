"""`ratingo dev`: everything that `serve` serves, without a secret, for this machine alone."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.served import BROWSER, Served
from ratingo_pipelines_tests.gateway.whole import Whole, environment, start
from ratingo_pipelines_tests.installation import until

MUTATION = {"query": "mutation { setNuxSeen }"}
FOREIGN = ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"})
RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "ratingo_pipelines") { __typename } }"""


@pytest.fixture
def gateway(new_gateway: Callable[..., Served]) -> Served:
    """The application as `ratingo dev` serves it."""
    return new_gateway(on_loopback=True)


def test_nobody_is_asked_for_a_secret(gateway: Served) -> None:
    assert gateway.ask("/", headers=BROWSER).status_code == 200
    assert gateway.ask("/api/sync/trending/status").json()["success"] is True
    assert gateway.ask("/graphql", "POST", json=MUTATION).status_code == 200
    assert gateway.ask("/graphql", "POST", json=MUTATION, headers={"Origin": gateway.url}).status_code == 200
    assert gateway.ask("/api/sync/trending/process?wait=0", "POST").json()["success"] is True


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1"]
)
def test_a_name_of_another_host_that_leads_here_is_refused(gateway: Served, host: str) -> None:
    for path, method in (("/", "GET"), ("/graphql", "POST"), ("/healthz", "GET")):
        assert (
            gateway.ask(path, method, json=MUTATION, headers={"Host": host, "Origin": f"http://{host}"}).status_code
            == 403
        )


@pytest.mark.parametrize("host", ["localhost", "localhost:3000", "127.0.0.1", "[::1]:3000", "LOCALHOST:1"])
def test_this_machine_may_be_named_as_it_is(gateway: Served, host: str) -> None:
    assert gateway.ask("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_page_of_another_site_changes_nothing(gateway: Served, foreign: dict[str, str]) -> None:
    for path in ("/graphql", "/report_asset_check/x", "/api/sync/trending/process?wait=0"):
        assert (path, gateway.ask(path, "POST", json=MUTATION, headers=foreign).status_code) == (path, 403)
    with pytest.raises(InvalidStatus) as refusal:
        connect(gateway.url.replace("http", "ws") + "/graphql", additional_headers=foreign)
    assert refusal.value.response.status_code == 403


def test_nothing_is_changed_by_get_or_by_what_any_page_may_send(gateway: Served) -> None:
    assert gateway.ask("/graphql", params=MUTATION).status_code == 405
    assert (
        gateway.ask("/graphql", "POST", data=json.dumps(MUTATION), headers={"Content-Type": "text/plain"}).status_code
        == 415
    )
    assert gateway.ask("/api/sync/trending/process?wait=0").status_code == 405
    assert gateway.ask("/graphql%0a", "POST", json=MUTATION).status_code == 400


# The command


@pytest.fixture(scope="module")
def whole(running_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """`ratingo dev`, on a home that is not there yet."""
    folder: Path = tmp_path_factory.mktemp("dev")
    env = environment(folder / "home", running_sandbox, {"CRON_SECRET": "", "UI_PASSWORD": ""})
    running = start(folder, env, command="dev")
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.mark.e2e
def test_it_serves_this_machine_alone_and_loads_code_anew(whole: Whole) -> None:
    until(lambda: whole.ask("/readyz").status_code == 200, 90, "all parts are ready")
    family = [psutil.Process(whole.process.pid), *psutil.Process(whole.process.pid).children(recursive=True)]
    listening = [c.laddr for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]

    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", int(whole.url.rpartition(":")[2]))]
    again = whole.ask("/graphql", "POST", json={"query": RELOAD}).json()
    assert again["data"]["reloadRepositoryLocation"]["__typename"] == "WorkspaceLocationEntry"
    until(lambda: whole.ask("/readyz").status_code == 200, 90, "all parts are ready again")
    assert whole.ask("/api/sync/calendar/prune?wait=120", "POST").json()["success"] is True
    assert requests.get(whole.url, headers={"Host": "evil.example"}, timeout=10).status_code == 403


@pytest.mark.e2e
def test_its_websockets_are_for_pages_of_its_own(whole: Whole) -> None:
    url = whole.url.replace("http", "ws") + "/graphql"
    with connect(url, additional_headers={"Origin": whole.url}, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=10)) == {"type": "connection_ack"}
    with pytest.raises(InvalidStatus):
        connect(url, additional_headers={"Origin": "http://evil.example"})


@pytest.mark.e2e
def test_stopped_it_takes_daemon_and_code_server_with_it(whole: Whole) -> None:
    until(lambda: whole.ask("/readyz").status_code == 200, 90, "all parts are ready")
    family = psutil.Process(whole.process.pid).children(recursive=True)
    assert len(family) >= 2

    whole.stop(signal.SIGTERM)

    _, living = psutil.wait_procs(family, timeout=10)
    assert living == []
    with pytest.raises(requests.ConnectionError):
        whole.ask("/readyz")
