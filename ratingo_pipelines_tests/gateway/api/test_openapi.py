"""The description of the endpoints: complete, and at home offline."""

import re
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Route

from ratingo_pipelines.gateway.api.openapi import describe
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, Served
from ratingo_pipelines_tests.guards import some

UNDESCRIBED = {"/login", "/logout", "/api", "/api/{rest:path}", "/api/docs", "/api/openapi.json", "/metrics"}


def test_every_endpoint_is_described(new_application: Callable[..., Starlette]) -> None:
    served = {route.path for route in new_application().routes if isinstance(route, Route)}

    pages = {path for path in served if path.startswith("/watching")}
    assert len(pages) == 6
    assert set(describe()["paths"]) == served - UNDESCRIBED - pages


def test_every_trigger_is_described_with_its_parameters_and_answers() -> None:
    for path, operations in some(describe()["paths"].items(), 15):
        for method, operation in some(operations.items()):
            names = [parameter["name"] for parameter in operation["parameters"]]
            assert set(re.findall(r"\{(\w+)\}", path)) <= set(names)
            assert operation["responses"]["200"]["content"]["application/json"]["example"]
            if "wait" in names:
                assert method in {"get", "post"}
                expected = {"200", "202", "400", "401", "403", "429"} | ({"404"} if "tmdb_id" in names else set())
                assert expected == set(operation["responses"])


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for path in describe()["paths"].values() for operation in path.values()]

    assert len(some(names, 15)) == len(set(names))


def test_programs_get_the_document_and_people_a_page_of_it(gateway: Served) -> None:
    document = gateway.ask("/api/openapi.json", headers=BEARER).json()

    assert document["openapi"] == "3.1.0"
    assert gateway.ask("/api/docs", headers=BEARER).json() == document
    page = gateway.ask("/api/docs", headers=BEARER | BROWSER)
    assert page.headers["content-type"].startswith("text/html")
    assert all(path.replace("{id}", "") in page.text for path in some(document["paths"], 15))


def test_the_page_loads_nothing(gateway: Served) -> None:
    page = gateway.ask("/api/docs", headers=BEARER | BROWSER)

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.findall(r"<(script|link|img|iframe)|url\(|@import|src=", page.text) == []


def test_the_page_s_lines_send_the_secret_save_to_whom_anybody_may_ask(gateway: Served) -> None:
    page = gateway.ask("/api/docs", headers=BEARER | BROWSER).text
    lines = {line for line in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL) if "curl" in line}

    open_to_all = {line for line in lines if "--header" not in line}

    assert len(lines) > 15
    assert len(open_to_all) == 1
    assert "health" in open_to_all.pop()
