"""Text that every database stores. What a payload or a column makes of other values is their own business."""


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
