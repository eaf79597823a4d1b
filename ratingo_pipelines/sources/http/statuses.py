"""What an HTTP status means when the API's client does not know better."""

from requests import Response

from ratingo_pipelines.sources.errors import (
    AccessDenied,
    NotFound,
    Rejected,
    SourceError,
    SourceUnavailable,
)

QUOTED_CHARACTERS = 160


def is_web_page(response: Response) -> bool:
    """Is this a page for people, such as Cloudflare puts in front of an API?"""
    return "html" in response.headers.get("Content-Type", "").lower()


def refused_by_cloudflare(api: str, response: Response) -> AccessDenied | None:
    """Return the error if the request never reached the API; a client would blame the key.

    The APIs' own refusals may be web pages as well, so the page must name Cloudflare.
    """
    if response.status_code != 403 or not is_web_page(response) or "cloudflare" not in response.text.lower():
        return None
    return AccessDenied(
        api,
        "Cloudflare refuses this machine (403 with a web page), whatever the key: look whether its address is"
        " blocked, and whether a proxy removes the User-Agent",
    )


def error_of(api: str, response: Response, where: str) -> SourceError:
    """Return the error that a status other than 200 and 429 stands for; `where` is the path asked for."""
    status = response.status_code
    said = f"{status}{_quoted(response)}"
    if status in {401, 403}:
        return AccessDenied(api, f"the key is refused ({said}); check it in the environment or .env")
    if status in {404, 410}:
        return NotFound(api, f"{where} is unknown ({said})")
    if status >= 500:
        return SourceUnavailable(api, f"{where} failed ({said}); try again later")
    if 300 <= status < 400:
        target = response.headers.get("Location", "nowhere")
        return Rejected(api, f"{where} redirects to {target} ({status}); check the base URL", status)
    return Rejected(api, f"{where} was rejected ({said})", status)


def _quoted(response: Response) -> str:
    text = "" if is_web_page(response) else " ".join(response.text.split())
    return f": {text[:QUOTED_CHARACTERS]}" if text else ""
