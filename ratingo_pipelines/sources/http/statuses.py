"""What an answer's status means when the API's client does not know better."""

from ratingo_pipelines.sources.errors import (
    AccessDenied,
    Misrouted,
    NotFound,
    Rejected,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.http.answer import HttpAnswer

QUOTED_CHARACTERS = 160


def refused_by_cloudflare(api: str, answer: HttpAnswer) -> AccessDenied | None:
    """Return the error if Cloudflare refused the request before it reached the API; a client would blame the key.

    It does so to addresses and programs it distrusts: https://github.com/omdbapi/OMDb-API/issues/48, and 22 there.
    """
    if answer.status != 403 or not answer.is_web_page or "cloudflare" not in answer.text.lower():
        return None
    return AccessDenied(
        api,
        "Cloudflare refuses this machine (403 with a web page), whatever the key: look whether its address is"
        " blocked, and whether a proxy removes the User-Agent",
    )


def misrouted(api: str, answer: HttpAnswer) -> Misrouted | None:
    """Return the error if this answer cannot be the API's: a redirect, or a web page that no outage explains."""
    if 300 <= answer.status < 400:
        target = answer.headers.get("Location", "nowhere")
        return Misrouted(api, f"{answer.where} redirects to {target} ({answer.status})")
    if answer.status < 500 and answer.status != 429 and answer.is_web_page:
        return Misrouted(api, f"{answer.where} is a web page ({answer.status})")
    return None


def error_of(api: str, answer: HttpAnswer) -> SourceError:
    """Return the error that a status other than 200 and 429 stands for."""
    status = answer.status
    said = said_by(answer)
    if status in {401, 403}:
        return AccessDenied(api, f"the key is refused ({said}); check it in the environment or .env")
    if status in {404, 410}:
        return NotFound(api, f"{answer.where} is unknown ({said})")
    if status >= 500:
        return SourceUnavailable(api, f"{answer.where} failed ({said}); try again later")
    return Rejected(api, f"{answer.where} was rejected ({said})", status)


def said_by(answer: HttpAnswer) -> str:
    """Return the status and the beginning of what the answer says, as messages quote it."""
    text = "" if answer.is_web_page else " ".join(answer.text.split())
    return f"{answer.status}{f': {text[:QUOTED_CHARACTERS]}' if text else ''}"
