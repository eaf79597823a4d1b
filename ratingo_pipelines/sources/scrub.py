"""Keeps keys out of everything that people read: messages, logs, failure rows.

Whoever opens a session registers its keys; from then on `scrub` removes them from any text, however they are encoded.
What to write, and where, is not decided here.
"""

import logging
import re
from collections.abc import Iterable
from threading import Lock
from urllib.parse import quote, quote_plus

from ratingo_pipelines.text import visible

MASK = "***"
SHORTEST_KEY = 8
"""The keys of these APIs have at least so many characters; OMDb's have no more."""

_LOUD_LOGGERS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")
"""Who logs whole URLs. A filter on a parent logger would not see their records, so each gets its own."""

_lock = Lock()
_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None


def register_secrets(secrets: Iterable[str]) -> None:
    """Have these values removed from whatever is scrubbed, and from the logs of the HTTP libraries."""
    global _pattern  # noqa: PLW0603 - one set of keys a process: an error of one API must not show another's key
    with _lock:
        _secrets.update(form for secret in secrets if secret for form in _forms(secret))
        # The longest first, so that a key which begins like another is masked whole.
        alternatives = [_form_in_text(form) for form in sorted(_secrets, key=len, reverse=True)]
        _pattern = re.compile("|".join(alternatives)) if alternatives else None
        for name in _LOUD_LOGGERS:
            logger = logging.getLogger(name)
            if _filter not in logger.filters:
                logger.addFilter(_filter)


def scrub(text: object) -> str:
    """Return the text with every registered key replaced by `***`."""
    return _pattern.sub(MASK, str(text)) if _pattern else str(text)


def one_line(text: object) -> str:
    """Return the scrubbed text on a single line, with nothing in it that a terminal or a log would not show."""
    return visible(" ".join(scrub(text).split()))


def _form_in_text(form: str) -> str:
    """How a key is found: a short one only where it stands for itself, as it may be a part of many a word."""
    return re.escape(form) if len(form) >= SHORTEST_KEY else rf"(?<!\w){re.escape(form)}(?!\w)"


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}


class _ScrubFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), None
        return True


_filter = _ScrubFilter()
