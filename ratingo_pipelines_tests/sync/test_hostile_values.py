"""What upstreams should never send, through a whole sync: stored cleaned, or that title alone fails with a reason."""

from collections.abc import Callable
from typing import Any

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sync.meddling import meddling
from ratingo_pipelines_tests.sync.syncing import all_rows, another_kit, eligible, run_cycle, title_rows

HUGE = 2**33
LONG = "Дуже довго. " * 20_000
NUL_AND_SURROGATE = "Nul\x00 and a lone \ud800 surrogate"
Details = dict[str, Any]
Change = Callable[[Details], Details]


def translated(**texts: str) -> Change:
    def change(details: Details) -> Details:
        entry = {"iso_639_1": "uk", "iso_3166_1": "UA", "data": texts}
        return details | {"translations": {"translations": [entry]}}

    return change


def with_cast(*people: dict[str, Any]) -> Change:
    return lambda details: details | {"aggregate_credits": {"cast": [*people, *details["aggregate_credits"]["cast"]]}}


def offering(*offers: dict[str, Any]) -> Change:
    return lambda details: details | {"watch/providers": {"results": {"UA": {"link": "/", "flatrate": list(offers)}}}}


def having(**fields: Any) -> Change:
    return lambda details: details | fields


PERSON = {"id": 1, "name": "Хтось", "order": 0, "profile_path": None, "roles": [{"character": "Роль"}]}
OFFER, NAMELESS = {"provider_id": 801, "provider_name": "Є"}, {"provider_id": 1, "provider_name": None}
DRAMA = {"id": 18, "name": "Drama"}
NEVER_AIRED = {"season_number": 0, "air_date": "0000-01-01"}
ODD_TITLES = [{"id": HUGE, "name": "x"}, {"id": "x"}, None]
ODD_VIDEOS = [{"key": None}, {"site": "YouTube", "type": "Trailer", "key": "k" * 5000}]
MONSTROUS: dict[str, Change] = {
    "NUL and a lone surrogate": having(overview=NUL_AND_SURROGATE, tagline="\x00", name="\x00Name"),
    "a surrogate in the Ukrainian title": translated(name="Назва \udfff", overview="\x00"),
    "a very long overview": having(overview=LONG),
    "emoji": translated(name="👩‍🚀🇺🇦", overview="🌻" * 1000),
    "HTML": having(name="<script>alert(1)</script>", overview="<b>&amp;</b>"),
    "votes beyond 32 bits": having(vote_count=HUGE, number_of_seasons=HUGE, popularity=1e300),
    "numbers that are none": having(popularity="NaN", vote_average=-1, vote_count=-5, runtime=True),
    "the year 0": having(first_air_date="0000-00-00", last_episode_to_air=NEVER_AIRED),
    "a person several times": with_cast(PERSON, PERSON, PERSON | {"roles": [{"character": "Інша"}]}),
    "a person with an id beyond 32 bits": with_cast(PERSON | {"id": HUGE}),
    "a provider without a name": offering(NAMELESS, OFFER),
    "one provider twice": offering(OFFER, OFFER),
    "genres twice": having(genres=[DRAMA, DRAMA, {"id": HUGE, "name": "x"}]),
    "recommendations that make no sense": having(recommendations={"results": ODD_TITLES}),
    "videos that make no sense": having(videos={"results": ODD_VIDEOS}),
    "lists of nothing": having(genres=[], seasons=[], translations={"translations": []}, videos={"results": []}),
    "everything gone": lambda details: {"id": details["id"]},
}


def test_each_is_stored_cleaned_or_fails_alone(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    with another_kit(ctx, trending_limit=len(MONSTROUS) + 8, trakt_base_url=sandbox.url_of("trakt")) as wide:
        truth = sandbox.truth(SHOWS, wide.settings.trending_limit)
        ids = eligible(truth)
        changes = dict(zip(ids, MONSTROUS.items(), strict=False))
        assert len(changes) == len(MONSTROUS)

        def edit(path: str, payload: Any) -> Any:
            tmdb_id = int(path.rsplit("/", 1)[1]) if path.startswith("/tmdb/3/tv/") else None
            return changes[tmdb_id][1](payload) if tmdb_id in changes else payload

        with meddling(sandbox, edit) as meddler, another_kit(wide, **base_urls(meddler.environment())) as other:
            _, report = run_cycle(other)
    assert {changes[failure.tmdb_id][0] for failure in report.failures} <= set(MONSTROUS)
    assert all(failure.reason for failure in some(report.failures))
    assert differences(ctx.database, SHOWS, truth, without=set(changes)) == []
    rows = {changes[tmdb_id][0]: row for tmdb_id, row in title_rows(ctx.database).items() if tmdb_id in changes}
    assert rows.keys() | {changes[failure.tmdb_id][0] for failure in report.failures} == MONSTROUS.keys()
    assert rows["NUL and a lone surrogate"]["overview"].startswith("Nul and a lone ")
    assert rows["a very long overview"]["overview"] == LONG
    assert rows["emoji"]["title_uk"] == "👩‍🚀🇺🇦"
    assert rows["HTML"]["overview"] == "<b>&amp;</b>"
    assert rows["votes beyond 32 bits"]["rating_tmdb_count"] is None
    # Trakt's date is there before, if another title's list of related ones came first.
    assert rows["the year 0"]["first_air_date"] in {None, "2023-09-23"}
    assert [one["id"] for one in rows["a provider without a name"]["watch_providers"]] == [801]
    people = [one["id"] for one in rows["a person several times"]["cast"]]
    assert len(people) == len(set(people)) == 12
    cast = all_rows(ctx.database, tables_of(SHOWS).cast)
    assert len(cast) == len({(one["show_id"], one["person_id"]) for one in cast})


@pytest.mark.parametrize(
    ("field", "value"),
    [("watchers", HUGE), ("watchers", "many"), ("show", None), ("ids", {"tmdb": HUGE}), ("title", NUL_AND_SURROGATE)],
)
def test_one_odd_entry_of_the_list_harms_no_other(
    ctx: SyncContext, sandbox: RunningSandbox, field: str, value: Any
) -> None:
    truth = sandbox.truth(SHOWS, 12)

    def edit(path: str, payload: Any) -> Any:
        if path.endswith("/trending"):
            entry = payload[0]
            payload[0] = entry | {field: value} if field in entry else entry | {"show": entry["show"] | {field: value}}
        return payload

    with meddling(sandbox, edit) as meddler, another_kit(ctx, **base_urls(meddler.environment())) as other:
        _, report = run_cycle(other)
    assert report.ok
    wrong = differences(ctx.database, SHOWS, truth, without=[truth[0]["tmdb"]], ignoring=["trending_score"])
    assert wrong == []
    if field == "title":
        assert title_rows(ctx.database)[truth[0]["tmdb"]]["title"].startswith("Nul and a lone ")


def base_urls(environment: dict[str, str]) -> dict[str, str]:
    return {name.lower(): url for name, url in environment.items() if name.endswith("_BASE_URL")}
