"""Text that every database stores, and numbers as people read them. What a payload makes of other values is its own."""


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
