"""Where a browser's request comes from: a page of ours, or one of another site that would like to use our cookie.

A port is no border for cookies, so that a page on another port of this very host brings the cookie along
(RFC 6265, 8.5).
"""

from enum import Enum

from starlette.datastructures import Headers

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Provenance(Enum):
    """What a request's headers show."""

    OURS = "a page of ours made it"
    FOREIGN = "a page of another site made it"
    UNKNOWN = "nothing is said: a program, a person at the address bar, or a browser on plain http"


def provenance(headers: Headers, scheme: str) -> Provenance:
    """Tell where a request comes from.

    Browsers name the origin of whatever is not a plain GET, and on https and localhost say of everything whether it is
    from the same origin (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site).
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return Provenance.FOREIGN
    origins = headers.getlist("origin")
    if origins:
        same = len(origins) == 1 and _same(origins[0].lower(), headers.get("host", "").lower(), scheme)
        return Provenance.OURS if same else Provenance.FOREIGN
    return Provenance.OURS if site == "same-origin" else Provenance.UNKNOWN


def is_navigation(headers: Headers) -> bool:
    """Whether a person is on the way to a page of ours, wherever the link was: nothing of it is seen elsewhere."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _same(origin: str, host: str, scheme: str) -> bool:
    named, _, place = origin.partition("://")
    # A reverse proxy that is not declared ends https unseen; one that is says so.
    if scheme in ("https", "wss") and named != "https":
        return False
    port = DEFAULT_PORTS.get(named, "")
    return bool(place) and place.removesuffix(port) == host.removesuffix(port)
