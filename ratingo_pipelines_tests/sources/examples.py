"""Titles as Trakt's lists name them."""

from typing import Any


def title(number: int) -> dict[str, Any]:
    return {"title": f"Title {number}", "ids": {"trakt": number, "slug": f"title-{number}", "tmdb": 1000 + number}}
