"""What people want to hear of when a title changes: pure decisions over what was stored and what is stored now.

A change leads from what was known to what is known. The first details of a title tell what it is, not what changed; so
do the first ones after another program's database was adopted. What is doubted (`trust.doubts`) has not changed
anything yet. Who writes the changes does so in the transaction that makes them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ratingo_pipelines.storage.cycles import Member
from ratingo_pipelines.storage.title_changes import ChangedTitle, ChangeKind, TitleChange

COLUMNS = ("number_of_seasons", "next_episode_air_date", "status")
"""The columns of a title's row whose changes are told."""
JOINED, LEFT = TitleChange(ChangeKind.LISTED), TitleChange(ChangeKind.UNLISTED)

_Rows = Sequence[Mapping[Any, Any]]


def changes_of_row(before: Mapping[Any, Any], values: Mapping[str, Any]) -> tuple[TitleChange, ...]:
    """How the title's own row changes; `values` are as they will be stored, columns left out stay as they are."""
    changed = {name: values[name] for name in COLUMNS if name in values and values[name] != before[name]}
    found = []
    seasons, known = changed.get("number_of_seasons"), before.get("number_of_seasons")
    if seasons is not None and known is not None and seasons > known:
        # Fewer seasons are a correction.
        found.append(TitleChange(ChangeKind.SEASON, str(known), str(seasons)))
    if "next_episode_air_date" in changed:
        # That no episode is announced is known as well.
        dates = (before["next_episode_air_date"], changed["next_episode_air_date"])
        found.append(TitleChange(ChangeKind.NEXT_EPISODE, *dates))
    if changed.get("status") is not None and before["status"] is not None:
        found.append(TitleChange(ChangeKind.STATUS, before["status"], changed["status"]))
    return tuple(found)


def changes_of_offers(before: _Rows, after: _Rows, regions: Collection[str]) -> tuple[TitleChange, ...]:
    """On which providers the title came, and off which, by rows of the child table; by which category is all one."""
    known, new = _offers(before, regions), _offers(after, regions)
    on = [TitleChange(ChangeKind.ON_PROVIDER, None, name, key[0]) for key, name in new.items() if key not in known]
    off = [TitleChange(ChangeKind.OFF_PROVIDER, name, None, key[0]) for key, name in known.items() if key not in new]
    return (*on, *off)


def changes_of_certifications(before: _Rows, after: _Rows, regions: Collection[str]) -> tuple[TitleChange, ...]:
    """How the title is certified otherwise than before, by rows of the child table."""
    known, new = _certifications(before), _certifications(after)
    return tuple(
        TitleChange(ChangeKind.CERTIFICATION, known.get(region), new.get(region), region)
        for region in regions
        if known.get(region) != new.get(region)
    )


def changes_of_list(
    before: Collection[Member] | None, after: Collection[Member], listed: Collection[int]
) -> Iterator[ChangedTitle]:
    """Who came into a trending list, and who left it, since the one before.

    Before the first list (None) the site may list titles already, by TMDB's ids: these do not come in, and of those
    that the list does not name nobody knows when they left. A title that TMDB merged into another one is the same by
    Trakt's id.
    """
    known_ids = {member.tmdb_id for member in before} if before is not None else set(listed)
    known_at_trakt = _at_trakt(before or ())
    new_ids, new_at_trakt = {member.tmdb_id for member in after}, _at_trakt(after)
    for member in after:
        if member.tmdb_id not in known_ids and member.trakt_id not in known_at_trakt:
            yield ChangedTitle(member.tmdb_id, member.title, JOINED)
    for member in before or ():
        if member.tmdb_id not in new_ids and member.trakt_id not in new_at_trakt:
            yield ChangedTitle(member.tmdb_id, member.title, LEFT)


def _offers(rows: _Rows, regions: Collection[str]) -> dict[tuple[str, int], str]:
    return {(row["region"], row["provider_id"]): row["provider_name"] for row in rows if row["region"] in regions}


def _certifications(rows: _Rows) -> dict[str, str]:
    return {row["region"]: row["rating"] for row in rows}


def _at_trakt(members: Iterable[Member]) -> set[int]:
    return {member.trakt_id for member in members if member.trakt_id is not None}
