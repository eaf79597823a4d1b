"""A shape: the paths of some answers, and the types met at each. How it is distilled, and what can be made of it. Pure.

Paths are keys with dots between them; `[]` is any item of a list, `{region}` and `{number}` any key of an object whose
keys are all regions or numbers. Types are JSON's, and of strings the forms that readers care for (`date`, `imdb id`,
`empty text`); `absent` is a key that some objects at that place lack.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Shape = Mapping[str, list[str]]

_FORMS = {
    "empty text": "",
    "date": r"\d{4}-\d\d-\d\d",
    "instant": r"\d{4}-\d\d-\d\dT.*",
    "imdb id": r"tt\d+",
    "region": "[A-Z]{2}",
    "language": "[a-z]{2}",
    "number as text": r"[\d.,]+",
    "boolean as text": "True|False",
    "not available": "N/A",
    "text": "(?s:.*)",
}
_KEYS = {"{region}": "[A-Z]{2}", "{number}": r"\d+"}
_EXAMPLES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 7,
    "number": 7.5,
    "empty list": [],
    "empty object": {},
    "empty text": "",
    "date": "2026-01-31",
    "instant": "2026-01-31T12:00:00.000Z",
    "imdb id": "tt0000007",
    "region": "UA",
    "language": "uk",
    "number as text": "7",
    "boolean as text": "True",
    "not available": "N/A",
    "text": "text",
}
TYPES = (*_EXAMPLES, "list", "object", "absent")
"""All that a shape says of a value."""
_KEY_EXAMPLES = {"{region}": "UA", "{number}": "7"}
_EMPTY = ("absent", "null", "empty text", "empty list", "empty object", "not available")
_TEXTS = tuple(_FORMS)
_FULLEST = (
    *(
        "object",
        "list",
        "imdb id",
        "instant",
        "date",
        "region",
        "language",
        "boolean as text",
        "number as text",
        "text",
    ),
    *("number", "integer", "boolean", *_EMPTY),
)
"""The order in which a type stands for all that were met at a path."""


def distil(payloads: Iterable[Any]) -> dict[str, list[str]]:
    """The shape of some answers of one endpoint."""
    types: dict[str, set[str]] = {}
    objects: dict[str, list[set[str]]] = {}
    for payload in payloads:
        for path, value in _values(payload, ""):
            types.setdefault(path, set()).add(_type(value))
            if isinstance(value, dict):
                objects.setdefault(path, []).append({_key(value, key) for key in value})
    for path, known in objects.items():
        for key in set().union(*known):
            # Of regions and numbers no object has all.
            if key not in _KEYS and not all(key in keys for keys in known):
                types[_below(path, key)].add("absent")
    return {path: sorted(found) for path, found in sorted(types.items())}


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, list):
        for item in value:
            yield from _values(item, _below(path, "[]"))
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _values(item, _below(path, _key(value, key)))


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _key(container: Mapping[str, Any], key: str) -> str:
    return next((name for name, form in _KEYS.items() if all(re.fullmatch(form, one) for one in container)), key)


def _type(value: Any) -> str:
    if isinstance(value, str):
        return next(name for name, form in _FORMS.items() if re.fullmatch(form, value))
    if isinstance(value, list | dict):
        return ("" if value else "empty ") + ("list" if isinstance(value, list) else "object")
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number"}
    return names[type(value)]


def kinds(types: Iterable[str]) -> set[str]:
    """What types come down to: `text`, `number`, `boolean`, `list`, `object`; nothing for what is empty or absent."""
    found = {name for name in types if name not in _EMPTY}
    return {"text" if name in _TEXTS else "number" if name == "integer" else name for name in found}


def example(shape: Shape, path: str = "") -> Any:
    """An answer of this shape in which everything has come."""
    came = [name for name in shape[path] if name != "absent"]
    return _filled(shape, path, min(came, key=_FULLEST.index))


def _filled(shape: Shape, path: str, name: str) -> Any:
    if name not in ("list", "object"):
        return _EXAMPLES[name]
    keys = [one.rpartition(".")[2] for one in shape if one and one.rpartition(".")[0] == path]
    filled = {_KEY_EXAMPLES.get(key, key): example(shape, _below(path, key)) for key in keys}
    return list(filled.values()) if name == "list" else filled


def variants(shape: Shape) -> Iterator[tuple[str, str, Any]]:
    """Answers like `example`, each with one other type the shape allows at one path: path, type and answer."""
    for path, types in shape.items():
        for name in types:
            if path and name not in ("list", "object"):
                answer = example(shape)
                _put(answer, path.split("."), name)
                yield path, name, answer


def _put(value: Any, steps: list[str], name: str) -> None:
    """Put an example of a type where the steps lead, if they still lead anywhere."""
    key: Any = 0 if steps[0] == "[]" else _KEY_EXAMPLES.get(steps[0], steps[0])
    if len(steps) > 1:
        _put(value[key], steps[1:], name)
    elif name == "absent":
        del value[key]
    else:
        value[key] = _EXAMPLES[name]
