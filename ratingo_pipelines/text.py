"""Text that every database stores, that is safe to show, and numbers as people read them.

What a payload makes of other values is its own.
"""

import json
import re

# Control characters of ASCII and Latin-1, separators of lines and paragraphs, lone surrogates, what marks the direction
# of writing (https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters) and what is never seen at all.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def clean_text(text: str) -> str:
    """The text without NUL characters and lone surrogates, which PostgreSQL refuses; paired ones are joined."""
    text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number with its noun: `1 title`, `2 titles`; `many` where an `s` does not make it (`entry`, `title is`)."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def visible(text: str) -> str:
    """The text with what would steer a terminal, break a line or turn the writing shown as JSON escapes it."""
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def visible_lines(text: str) -> str:
    """The same of several lines, which stay lines."""
    return "\n".join(map(visible, text.split("\n")))
