"""One judgement of a path, before anybody compares it with anything: who compares strings, and who matches patterns or
decodes once more, must not see two different paths.
"""

import re
import unicodedata

from starlette.types import Scope

OURS = frozenset(
    {
        "api",
        "changes",
        "graphql",
        "healthz",
        "login",
        "logout",
        "metrics",
        "readyz",
        "status",
        "watching",
        "watching.json",
    }
)
"""First segments of what the gateway judges by its path."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
_ENCODED_SLASH = re.compile(rb"%2f|%5c|\\", re.IGNORECASE)


def fault_of(scope: Scope) -> str | None:
    """What is wrong with a request's path, in one line; None if it says the same to everybody."""
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or path.encode()
    if not path.startswith("/") or path.startswith("//"):
        return "the path must begin with a single slash"
    if any(unicodedata.category(char) == "Cc" for char in path):
        return "no control characters in the path"
    if "\ufffd" in path:
        return "the path must be UTF-8"
    if any(segment in (".", "..") for segment in re.split(r"[/\\]", path)):
        return "no dots as segments of the path"
    if _ENCODED_SLASH.search(raw) and not _is_page_of_the_ui(scope, path, raw):
        return "no encoded slashes in the path"
    return None


def _is_page_of_the_ui(scope: Scope, path: str, raw: bytes) -> bool:
    """Whether Dagster's UI names its pages so: `/asset-groups~key%3A%22shows%2Fdetails%22`. They are all one page."""
    first = {re.split(r"[/\\]", path)[1], raw.split(b"/")[1].decode("latin-1")}
    return scope["type"] == "http" and scope["method"] in SAFE_METHODS and not first & OURS and b"\\" not in raw
