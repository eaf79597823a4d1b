"""How the gateway answers: JSON with `success`, never a traceback. What is answered lives with the endpoints."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ratingo"'}


class Refused(Exception):
    """A request that is answered with this status and one line that says what to do."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class ApiResponse(JSONResponse):
    """JSON that nobody keeps, ended by a line break so that a terminal shows it well."""

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"Cache-Control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        """UTF-8; times as ISO 8601."""
        return json.dumps(content, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace") + b"\n"


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """An error's answer."""
    return ApiResponse({"success": False, "error": message}, status, headers)


def unauthorized(message: str) -> ApiResponse:
    """401, naming the way in."""
    return failure(401, message, CHALLENGE)


def too_many(seconds: int) -> ApiResponse:
    """429; a right secret is let in all the same."""
    return failure(429, f"too many wrong secrets; try again in {seconds} s", {"Retry-After": str(seconds)})
