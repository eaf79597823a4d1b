"""Tells a chat or a pager: one POST of JSON to a webhook. What is told, and how often, is decided elsewhere."""

from collections.abc import Sequence
from html import escape

import requests
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import SourceUnavailable

NAME = "Alert webhook"
TIMEOUT_SECONDS = 10
ZERO_WIDTH_SPACE = "\u200b"


def send_alert(url: SecretStr, lines: Sequence[str]) -> None:
    """Post the lines, as Slack and Mattermost (`text`) and Discord (`content`) understand them.

    What sources say stands in them, and is no markup: it calls nobody, and no link or picture is made of it. Slack
    takes `&`, `<` and `>` escaped (https://docs.slack.dev/messaging/formatting-message-text#escaping); Discord calls
    whom `allowed_mentions` lists (https://discord.com/developers/docs/resources/message#allowed-mentions-object).

    Raises `SourceUnavailable` where nobody took them; the URL, which is a secret, is not in the message.
    """
    text = _without_markup("\n".join(lines))
    try:
        response = requests.post(
            url.get_secret_value(),
            json={
                "text": escape(text, quote=False),
                "content": text,
                "allowed_mentions": {"parse": []},
                "problems": list(lines),
            },
            timeout=TIMEOUT_SECONDS,
        )
    except requests.RequestException as error:
        raise SourceUnavailable(NAME, f"not reached ({type(error).__name__}): check ALERT_WEBHOOK_URL") from None
    if not response.ok:
        raise SourceUnavailable(NAME, f"answered {response.status_code}: check ALERT_WEBHOOK_URL")


def _without_markup(text: str) -> str:
    """Mentions and Markdown's links apart, by a space that is not seen."""
    return text.replace("@", f"@{ZERO_WIDTH_SPACE}").replace("](", f"]{ZERO_WIDTH_SPACE}(")
