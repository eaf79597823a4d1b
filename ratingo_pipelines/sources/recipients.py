"""Who is told of what needs a person: a chat or a pager behind a webhook, a chat at Telegram; each takes posts of JSON.

What is told, and how often, is decided elsewhere (`sync.alerts`).
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import requests
from pydantic import SecretStr

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import SourceUnavailable

VARIABLES = "neither ALERT_WEBHOOK_URL nor ALERT_TELEGRAM_TOKEN is set"
"""Why nobody is told."""
TIMEOUT_SECONDS = 10
LONGEST_POST = 1_800
"""Characters. Discord refuses more than 2,000 (https://discord.com/developers/docs/resources/webhook), Telegram more
than 4,096 (https://core.telegram.org/bots/api#sendmessage)."""
ZERO_WIDTH_SPACE = "\u200b"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipient:
    """Somebody who is told, and the shape in which he takes it."""

    name: str
    url: SecretStr
    variables: str
    """Where it is said who he is, as messages name it."""
    payload: Callable[[Sequence[str]], Mapping[str, object]]
    """The JSON of one post."""


def recipients(settings: Settings) -> tuple[Recipient, ...]:
    """All who are to be told; none where none is named."""
    found = []
    if settings.alert_webhook_url:
        found.append(Recipient("Alert webhook", settings.alert_webhook_url, "ALERT_WEBHOOK_URL", _as_webhooks_do))
    if settings.alert_telegram_token and settings.alert_telegram_chat:
        found.append(_telegram(settings, settings.alert_telegram_token, settings.alert_telegram_chat))
    return tuple(found)


def send_alert(told: Sequence[Recipient], lines: Sequence[str]) -> None:
    """Post the lines to each recipient, many in several posts.

    What sources say stands in them, and is no markup: it calls nobody, and no link or picture is made of it.

    Raises `SourceUnavailable` where nobody took them; where somebody did, who did not is logged. URLs and tokens, which
    are secrets, are in neither message.
    """
    failures = []
    for recipient in told:
        try:
            for part in _in_posts(lines):
                _post(recipient, part)
        except SourceUnavailable as error:
            failures.append(error)
    if failures and len(failures) == len(told):
        raise failures[0]
    for failure in failures:
        log.error("%s; the others were told", failure)


def _as_webhooks_do(lines: Sequence[str]) -> Mapping[str, object]:
    """As Slack and Mattermost (`text`), Discord (`content`) and programs (`problems`) understand it.

    Slack takes `&`, `<` and `>` escaped (https://docs.slack.dev/messaging/formatting-message-text#escaping); Discord
    calls whom `allowed_mentions` lists (https://discord.com/developers/docs/resources/message#allowed-mentions-object).
    """
    text = _without_markup("\n".join(lines))
    return {
        "text": escape(text, quote=False),
        "content": text,
        "allowed_mentions": {"parse": []},
        "problems": list(lines),
    }


def _telegram(settings: Settings, token: SecretStr, chat: str) -> Recipient:
    """A chat that a bot writes to, in plain text (no `parse_mode`): https://core.telegram.org/bots/api#sendmessage."""

    def payload(lines: Sequence[str]) -> Mapping[str, object]:
        text = _without_markup("\n".join(lines))
        return {"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": True}}

    url = SecretStr(f"{settings.telegram_base_url.rstrip('/')}/bot{token.get_secret_value()}/sendMessage")
    return Recipient("Telegram", url, "ALERT_TELEGRAM_TOKEN and ALERT_TELEGRAM_CHAT", payload)


def _post(recipient: Recipient, lines: Sequence[str]) -> None:
    check = f"check {recipient.variables}"
    try:
        response = requests.post(
            recipient.url.get_secret_value(), json=recipient.payload(lines), timeout=TIMEOUT_SECONDS
        )
    except requests.RequestException as error:
        raise SourceUnavailable(recipient.name, f"not reached ({type(error).__name__}): {check}") from None
    if not response.ok:
        raise SourceUnavailable(recipient.name, f"answered {response.status_code}: {check}")


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
