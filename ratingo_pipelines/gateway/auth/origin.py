"""Where a browser's request comes from: this site, or another that would like to use its cookie."""

from starlette.datastructures import Headers

_OWN = ("same-origin", "none")


def is_foreign(headers: Headers) -> bool:
    """Whether another site's page made the request. What is no browser names no origin, and is not foreign.

    Hosts are compared without the scheme, which a reverse proxy may change.
    """
    origin = headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2].lower() != headers.get("host", "-").lower()
    return headers.get("sec-fetch-site", "none") not in _OWN
