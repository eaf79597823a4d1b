"""The description of the endpoints, made of their table: an OpenAPI document, and a page of it for people."""

import json
from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ratingo_pipelines.defs.partitions import LARGEST_ID
from ratingo_pipelines.gateway.api.answers import ApiResponse
from ratingo_pipelines.gateway.api.catalogue import CHANGES, ENDPOINTS, HEALTH, READY, RUN, Endpoint
from ratingo_pipelines.gateway.api.models import ApiModel, Refusal
from ratingo_pipelines.gateway.api.parameters import Choice, Parameter

PAGE, DOCUMENT = "/api/docs", "/api/openapi.json"
_REFERENCE = "#/components/schemas/{model}"

_INTRO = (
    "Each trigger is a Dagster run and waits for its end. A call that overlaps a run of the same job joins it. "
    "`success` is false only when the operation itself could not run; titles that failed are counted and listed. "
    "A caller that goes away cancels nothing."
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
}
_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem; color: #1b2330 }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .2rem; border-top: 1px solid #dde1e8; padding-top: 1.2rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { background: #f6f7f9; padding: .7rem .9rem; border-radius: 6px; overflow-x: auto }
.method { color: #2b3a67; font-weight: 600; margin-right: .4rem }
"""


async def document(_: Request) -> Response:
    """The OpenAPI document."""
    return ApiResponse(describe())


async def page(request: Request) -> Response:
    """The description for people; the document for programs that ask here."""
    if "text/html" not in request.headers.get("accept", ""):
        return ApiResponse(describe())
    return HTMLResponse(_page(str(request.base_url).rstrip("/")), headers=_HEADERS)


def describe() -> dict[str, Any]:
    """All endpoints as an OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ratingo pipelines", "version": version("ratingo-pipelines"), "description": _INTRO},
        "security": [{"bearer": []}],
        "paths": {endpoint.path: _path(endpoint) for endpoint in _all()},
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "CRON_SECRET or a token; in the header only.",
                }
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> dict[str, Any]:
    models: dict[type[ApiModel], None] = dict.fromkeys([Refusal, *(endpoint.answer for endpoint in _all())])
    _, definitions = models_json_schema(
        [(model, "serialization") for model in models], by_alias=True, ref_template=_REFERENCE
    )
    found: dict[str, Any] = definitions["$defs"]
    return found


def _all() -> Iterable[Endpoint]:
    return [*ENDPOINTS, RUN, CHANGES, READY, HEALTH]


def _path(endpoint: Endpoint) -> dict[str, Any]:
    methods = [method.lower() for method in endpoint.methods if method != "HEAD"]
    return {method: _operation(endpoint, method) for method in methods}


def _operation(endpoint: Endpoint, method: str) -> dict[str, Any]:
    words = [word for word in endpoint.path.removeprefix("/api").replace("{", "").replace("}", "").split("/") if word]
    said = "The answer; `success` is false if the operation could not run." if endpoint.starts else "The answer."
    responses: dict[str, Any] = {"200": _response(said, endpoint)}
    if endpoint.starts:
        responses["202"] = {
            "description": "Not over yet (`complete` is false); ask at Location, which is `statusUrl` too.",
            "headers": {"Location": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": _reference(endpoint.answer)}},
        }
    if endpoint is READY:
        responses["503"] = {"description": "Some part does not work; it is named."}
    if endpoint is RUN:
        responses["404"] = _error("There is no such run.")
    responses["400"] = _error("A wrong parameter, or a path that could be read in two ways.")
    operation: dict[str, Any] = {
        "operationId": "_".join([method, *words]),
        "summary": endpoint.summary,
        "parameters": [*map(_parameter, endpoint.parameters), *map(_choice, endpoint.choices)],
        "responses": responses,
    }
    if endpoint is RUN:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if endpoint.of_title:
        tmdb_id = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
        operation["parameters"] += [{"name": "tmdb_id", "in": "path", "required": True, "schema": tmdb_id}]
        responses["404"] = _error("No TMDB id.")
    if endpoint is HEALTH:
        return operation | {"security": []}
    responses["401"] = _error("No secret, or a wrong one.")
    responses["403"] = _error(f"A token whose role is below `{'trigger' if endpoint.starts else 'read'}`.")
    responses["429"] = _error("Too many wrong secrets from this client; the right one is let in.")
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    bounds = {} if parameter.clamped else {"minimum": parameter.low, "maximum": parameter.high}
    schema: dict[str, Any] = {"type": "integer", "default": parameter.default, **bounds}
    if parameter.bare is not None:
        schema = {"anyOf": [schema, {"type": "string", "maxLength": 0}]}
    return {"name": parameter.name, "in": "query", "description": parameter.description, "schema": schema}


def _choice(choice: Choice) -> dict[str, Any]:
    schema = {"type": "string", "enum": list(choice.choices)}
    return {"name": choice.name, "in": "query", "description": choice.description, "schema": schema}


def _response(description: str, endpoint: Endpoint) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(endpoint.answer), "example": endpoint.example}}
    return {"description": description, "content": content}


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _reference(Refusal)}}}


def _reference(model: type[ApiModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _page(base: str) -> str:
    endpoints = "\n".join(_section(endpoint, base) for endpoint in _all())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ratingo pipelines: endpoints</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Ratingo pipelines: endpoints</h1>
<p>{_marked(_INTRO)}</p>
<p>The same as an OpenAPI document: <a href="{DOCUMENT}">{DOCUMENT}</a>. The pipelines themselves: <a href="/">/</a>.
<a href="/logout">Log out</a>.</p>
{endpoints}
</body>
</html>
"""


_HEADER_UNSEEN = """printf 'Authorization: Bearer %s' "$CRON_SECRET\""""
"""On curl's command line everybody on the machine could read it."""


def _section(endpoint: Endpoint, base: str) -> str:
    methods = ", ".join(method for method in endpoint.methods if method != "HEAD")
    parameters = "".join(
        f"<li><code>{parameter.name}</code>, {parameter.default} if not given: {_marked(parameter.description)}</li>"
        for parameter in endpoint.parameters
    )
    parameters += "".join(
        f"<li><code>{choice.name}</code>, {' or '.join(choice.choices)}: {_marked(choice.description)}</li>"
        for choice in endpoint.choices
    )
    where = f"{'--request POST ' if endpoint.of_title else ''}{base}{endpoint.path.replace('{tmdb_id}', '1399')}"
    command = f"curl {where}"
    if endpoint is not HEALTH:
        command = f"{_HEADER_UNSEEN} | curl --header @- {where}"
    return f"""<section>
<h2><span class="method">{methods}</span><code>{escape(endpoint.path)}</code></h2>
<p>{_marked(endpoint.summary)}</p>
{f"<ul>{parameters}</ul>" if parameters else ""}
<pre>{escape(command)}</pre>
<pre>{escape(json.dumps(endpoint.example, indent=2, ensure_ascii=False))}</pre>
</section>"""


def _marked(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
