"""Tells a chat or a pager: one POST of JSON to a webhook. What is told, and how often, is decided elsewhere."""

from collections.abc import Sequence

import requests
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import SourceUnavailable

NAME = "Alert webhook"
TIMEOUT_SECONDS = 10


def send_alert(url: SecretStr, lines: Sequence[str]) -> None:
    """Post the lines, as Slack and Mattermost (`text`) and Discord (`content`) understand them.

    Raises `SourceUnavailable` where nobody took them; the URL, which is a secret, is not in the message.
    """
    text = "\n".join(lines)
    try:
        response = requests.post(
            url.get_secret_value(),
            json={"text": text, "content": text, "problems": list(lines)},
            timeout=TIMEOUT_SECONDS,
        )
    except requests.RequestException as error:
        raise SourceUnavailable(NAME, f"not reached ({type(error).__name__}): check ALERT_WEBHOOK_URL") from None
    if not response.ok:
        raise SourceUnavailable(NAME, f"answered {response.status_code}: check ALERT_WEBHOOK_URL")
