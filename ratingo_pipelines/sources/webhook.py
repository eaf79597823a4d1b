"""Tells a chat or a pager: one POST of JSON to a webhook. What is told, and how often, is decided elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import requests
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import SourceUnavailable

NAME = "Alert webhook"
TIMEOUT_SECONDS = 10
LONGEST_POST = 1_800
"""Characters. Discord refuses more than 2,000 (https://discord.com/developers/docs/resources/webhook)."""
ZERO_WIDTH_SPACE = "\u200b"


def send_alert(url: SecretStr, lines: Sequence[str]) -> None:
    """Post the lines, as Slack and Mattermost (`text`) and Discord (`content`) understand them; many in several posts.

    What sources say stands in them, and is no markup: it calls nobody, and no link or picture is made of it. Slack
    takes `&`, `<` and `>` escaped (https://docs.slack.dev/messaging/formatting-message-text#escaping); Discord calls
    whom `allowed_mentions` lists (https://discord.com/developers/docs/resources/message#allowed-mentions-object).

    Raises `SourceUnavailable` where nobody took them; the URL, which is a secret, is not in the message.
    """
    for part in _in_posts(lines):
        text = _without_markup("\n".join(part))
        _post(
            url,
            {
                "text": escape(text, quote=False),
                "content": text,
                "allowed_mentions": {"parse": []},
                "problems": part,
            },
        )


def _post(url: SecretStr, payload: Mapping[str, object]) -> None:
    try:
        response = requests.post(url.get_secret_value(), json=payload, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise SourceUnavailable(NAME, f"not reached ({type(error).__name__}): check ALERT_WEBHOOK_URL") from None
    if not response.ok:
        raise SourceUnavailable(NAME, f"answered {response.status_code}: check ALERT_WEBHOOK_URL")


def _in_posts(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines, as many as one post takes; one that is longer than a post is cut."""
    part: list[str] = []
    for line in map(_cut, lines):
        if part and _length([*part, line]) > LONGEST_POST:
            yield part
            part = []
        part.append(line)
    if part:
        yield part


def _cut(line: str) -> str:
    # Kept apart, markup takes up to twice its room.
    return line if _length([line]) <= LONGEST_POST else f"{line[: LONGEST_POST // 2]}…"


def _length(lines: Sequence[str]) -> int:
    return len(_without_markup("\n".join(lines)))


def _without_markup(text: str) -> str:
    """Mentions and Markdown's links apart, by a space that is not seen."""
    return text.replace("@", f"@{ZERO_WIDTH_SPACE}").replace("](", f"]{ZERO_WIDTH_SPACE}(")
