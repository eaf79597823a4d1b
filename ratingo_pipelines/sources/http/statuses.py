"""What an HTTP status means when the API's client does not know better."""

from requests import Response

from ratingo_pipelines.sources.errors import (
    AccessDenied,
    Misrouted,
    NotFound,
    Rejected,
    SourceError,
    SourceUnavailable,
)

QUOTED_CHARACTERS = 160


def is_web_page(response: Response) -> bool:
    """Is this a page for people, such as Cloudflare or a proxy puts in front of an API?

    An empty body is none, whatever it calls itself: Trakt sends its own errors so.
    """
    return "html" in response.headers.get("Content-Type", "").lower() and bool(response.content.strip())


def refused_by_cloudflare(api: str, response: Response) -> AccessDenied | None:
    """Return the error if Cloudflare refused the request before it reached the API; a client would blame the key."""
    if response.status_code != 403 or not is_web_page(response) or "cloudflare" not in response.text.lower():
        return None
    return AccessDenied(
        api,
        "Cloudflare refuses this machine (403 with a web page), whatever the key: look whether its address is"
        " blocked, and whether a proxy removes the User-Agent",
    )


def misrouted(api: str, response: Response, where: str) -> Misrouted | None:
    """Return the error if this answer cannot be the API's: a redirect, or a web page that no outage explains."""
    status = response.status_code
    if 300 <= status < 400:
        return Misrouted(api, f"{where} redirects to {response.headers.get('Location', 'nowhere')} ({status})")
    if status < 500 and status != 429 and is_web_page(response):
        return Misrouted(api, f"{where} is a web page ({status})")
    return None


def error_of(api: str, response: Response, where: str) -> SourceError:
    """Return the error that a status other than 200 and 429 stands for; `where` is the path asked for."""
    status = response.status_code
    said = said_by(response)
    if status in {401, 403}:
        return AccessDenied(api, f"the key is refused ({said}); check it in the environment or .env")
    if status in {404, 410}:
        return NotFound(api, f"{where} is unknown ({said})")
    if status >= 500:
        return SourceUnavailable(api, f"{where} failed ({said}); try again later")
    return Rejected(api, f"{where} was rejected ({said})", status)


def said_by(response: Response) -> str:
    """Return the status and the beginning of what the answer says, as messages quote it."""
    text = "" if is_web_page(response) else " ".join(response.text.split())
    return f"{response.status_code}{f': {text[:QUOTED_CHARACTERS]}' if text else ''}"
