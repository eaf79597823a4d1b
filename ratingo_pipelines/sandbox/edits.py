"""How an answer's payload is changed on purpose: fields set or removed, lists cut short, emptied or filled with nulls.

Pure, and knows no request: which answers are changed is for faults.py. Payloads are changed in place.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_COUNTED = ("watchers", "watcher_count")


def edit(payload: Any, values: Mapping[str, Any], dropped: Sequence[str]) -> None:
    """Set the fields that the paths of `values` name, then remove those that `dropped` names.

    A path is keys with dots between them, and a key with a slash stays whole: `watch/providers.results.UA`. `*` is
    every key or entry; of a list, a number is one entry, and `iso_639_1=uk` all entries in which the field has that
    value. A last key that an object lacks is added when it is set; where a path leads nowhere, nothing happens.
    """
    for path, value in values.items():
        for container, key in _fields(payload, path):
            container[key] = value
    for path in dropped:
        # From the last one on, so that the places of a list stay what they are.
        for container, key in reversed(list(_fields(payload, path))):
            if isinstance(container, list):
                del container[key]
            else:
                container.pop(key, None)


def _fields(payload: Any, path: str) -> Iterator[tuple[Any, Any]]:
    *way, last = path.split(".")
    containers = [payload]
    for step in way:
        containers = [one[key] for one in containers for key in _keys(one, step) if isinstance(one, list) or key in one]
    return ((one, key) for one in containers for key in _keys(one, last))


def _keys(container: Any, step: str) -> Sequence[Any]:
    if isinstance(container, list):
        if step == "*":
            return range(len(container))
        if "=" in step:
            name, _, value = step.partition("=")
            return [n for n, one in enumerate(container) if isinstance(one, dict) and str(one.get(name)) == value]
        return [int(step)] if step.isdecimal() and int(step) < len(container) else []
    if isinstance(container, dict):
        return list(container) if step == "*" else [step]
    return []


def change_list(entries: list[Any], options: Mapping[str, Any], skipped: int = 0) -> list[Any]:
    """The entries as the options of the fault `list` have them; `skipped` entries of the list came on earlier pages."""
    if options["empty"]:
        return []
    if options["keep"] is not None:
        entries = entries[: max(0, options["keep"] - skipped)]
    if options["repeat"]:
        entries = entries[:1] * len(entries)
    for title in _titles(entries, options["without_ids"]):
        title["ids"]["tmdb"] = None
    for title in _titles(entries, options["nulls"]):
        title |= {"title": None, "year": None, "ids": dict.fromkeys(title["ids"]) | {"trakt": 0}}
    if options["zero_watchers"]:
        for entry in entries:
            entry |= {name: 0 for name in _COUNTED if name in entry}
    return entries


def _titles(entries: list[Any], share: float) -> list[dict[str, Any]]:
    """The titles of a share of the entries (a float: of the whole; an int: so many), spread evenly over them."""
    count = len(entries)
    chosen = round(count * share) if isinstance(share, float) else min(count, share)
    struck = [entries[place * count // chosen] for place in range(chosen)]
    # Related titles are entries themselves; the other lists wrap them.
    return [entry.get("show") or entry.get("movie") or entry for entry in struck]
