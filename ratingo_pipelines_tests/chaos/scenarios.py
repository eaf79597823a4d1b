"""What goes wrong, by name: faults and lies of the sandbox, seeded, and what is expected of the syncs under them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.lies import LISTS, MOVIE, PARTS, RATINGS, SHOW, WHOLE

CYCLES = 3
"""So many it may take until all is right."""
CALENDAR_PIECE = 5
"""Days of the calendar that are asked for at once."""

Faults = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Setting:
    """What the faults of a scenario may be aimed at."""

    titles: Sequence[Mapping[str, Any]]
    """Eligible titles spread over the list, with `tmdb`, `trakt` and `rank`, as many as the scenario aims at."""
    today: date
    sandbox_url: str


@dataclass(frozen=True)
class Scenario:
    """Faults that last for some of the cycles, and what must come of them."""

    name: str
    faults: Callable[[Setting], Faults]
    lasts: int = CYCLES
    """So many cycles the faults last."""
    aims_at: int = 0
    """So many titles, spread over the list, are what the faults are about."""
    permanent: bool = False
    """Whether those can never be had."""
    omdb: bool = False
    """Whether OMDb is asked as well, a day later after each cycle."""
    stops: bool = False
    """Whether the first cycle is stopped before its end."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    mistaken: Callable[[Setting], Mapping[str, Any]] = field(default=lambda _: {})
    """Settings that are wrong as long as the faults last."""
    lies: bool = False
    """Whether the APIs' answers are wrong while nothing has changed: then all that was known must stay as it is."""
    red: bool | None = None
    """Whether the first cycle must tell that something is wrong, or that nothing is."""
    fresh: bool = False
    """Whether it begins with an empty database."""
    known: int | None = None
    listed: int | None = None
    """Other lengths of the first good list and of the later ones than what is asked for."""
    media: Sequence[Medium] = MEDIA
    calendar: bool = False
    """Whether the calendar is asked for too."""
    months: bool = False
    """Whether the months' lists that are kept are fetched once more."""
    hours_apart: float = 0


def scenarios(storm_every: int) -> list[Scenario]:
    """All of them; of the seconds between two storms the fifth part is a storm."""
    return [*_failures(storm_every), *_lies()]


def _always(*faults: dict[str, Any]) -> Callable[[Setting], Faults]:
    return lambda _: faults


def _broken(setting: Setting) -> Faults:
    return [{"kind": "fail", "api": "tmdb", "status": 500, "ids": [title["tmdb"] for title in setting.titles]}]


def _failures(storm_every: int) -> list[Scenario]:
    """What fails openly, some requests more than others."""
    storm = {"kind": "storm", "on": storm_every / 5, "every": storm_every, "retry_after": max(1, storm_every // 5)}
    storms = [{**storm, "api": "trakt"}, {**storm, "api": "tmdb"}]
    errors = {"kind": "status", "status": [500, 502, 503, 504, 520]}
    burst = {"kind": "storm", "on": 2, "every": 36_000, "status": 502, "retry_after": None}
    impatient = {"http_timeout_seconds": 1.0}
    spoilt = ("reset", "cut", "gzip", "html", "malformed", "types")

    return [
        Scenario("5 % server errors", _always({**errors, "probability": 0.05})),
        Scenario("20 % server errors", _always({**errors, "probability": 0.2})),
        Scenario("TMDB down for 2 s", _always({**burst, "api": "tmdb"}), red=False, media=[SHOWS]),
        Scenario(f"429 storms, {storm['on']:g} of {storm_every} s", _always(*storms)),
        Scenario("hangs", _always({"kind": "hang", "probability": 0.03}), settings=impatient),
        Scenario("resets", _always({"kind": "reset", "probability": 0.1})),
        Scenario("bodies cut short", _always({"kind": "cut", "probability": 0.1})),
        Scenario("truncated gzip", _always({"kind": "gzip", "probability": 0.1})),
        Scenario("HTML for JSON", _always({"kind": "html", "probability": 0.1})),
        Scenario("10 % malformed bodies", _always({"kind": "malformed", "probability": 0.1})),
        Scenario("wrong types", _always({"kind": "types", "probability": 0.1})),
        Scenario("3 titles fail for good", _broken, aims_at=3, permanent=True),
        Scenario("OMDb exhausted in the middle", _always({"kind": "omdb_limit", "limit": 4}), lasts=1, omdb=True),
        Scenario(
            "Trakt's key revoked",
            _always({"kind": "revoked", "api": "trakt", "endpoint": RATINGS, "probability": 0.3}),
            lasts=1,
            stops=True,
        ),
        Scenario(
            "everything at once",
            lambda setting: [
                {**errors, "probability": 0.05},
                *storms,
                *({"kind": kind, "probability": 0.03} for kind in spoilt),
                {"kind": "latency", "ms": 20, "jitter": 20},
                *_broken(setting),
            ],
            aims_at=3,
            permanent=True,
            settings=impatient,
        ),
    ]


OF_LIES: dict[str, Any] = {"lasts": 1, "known": 20, "listed": 30}
"""Lies strike all titles alike: short lists show as much as long ones."""
NOBODY_NEW: dict[str, Any] = {"known": 20, "listed": 20}
"""Trakt is asked for related titles once a week: of a title met in the lie they come right only then."""
TMDB = {"api": "tmdb"}
UNSEEN = {"no_imdb_ids", "no_imdb_votes_at_trakt", "no_recommendations", "no_related"}
"""Parts whose absence takes nothing away, so that nobody need be told: null never overwrites, or nobody looks."""
FIRST_AND_BELIEVED = "months_short"
"""Beside no other list of the month this one cannot be told from the truth."""
ONLY_SHOWS = {"no_next_episode", "no_seasons"}


def _lies() -> list[Scenario]:
    """What is told wrongly to everybody, for one cycle where nothing else is said."""
    return [*_parts(), *_left_out(), *_beside_failures(), *_whole_answers(), *_lists(), *_omdb(), _merged()]


def _lie(label: str, *names: str, red: bool | None = True, **options: Any) -> Scenario:
    narrowed = {name: options.pop(name) for name in ("api", "endpoint") if name in options}
    faults = [{"kind": "lie", "name": name, **narrowed} for name in names]
    return Scenario(f"lie: {label}", _always(*faults), lies=True, red=red, **{**OF_LIES, **options})


def _parts() -> list[Scenario]:
    every = [name for name in PARTS if name != "no_ratings"]
    alone = [
        _lie(
            name,
            name,
            red=None if name in UNSEEN else True,
            media=[SHOWS] if name in ONLY_SHOWS else MEDIA,
            **(NOBODY_NEW if name == "no_related" else {}),
        )
        for name in PARTS
    ]
    return [
        *alone,
        _lie("all parts, for two cycles 6 h apart", *every, lasts=2, hours_apart=6, **NOBODY_NEW),
        _lie(
            "no genres and translations, with anime", "no_genres", "no_translations", known=90, listed=90, media=[SHOWS]
        ),
    ]


def _left_out() -> list[Scenario]:
    """Parts of TMDB's answer that do not come at all, which is not the same as coming empty."""

    def without(medium: Medium, part: str) -> Faults:
        endpoint = SHOW if medium is SHOWS else MOVIE
        return [{"kind": "edit", "api": "tmdb", "endpoint": endpoint, "drop": [part]}]

    found = []
    for part in dict.fromkeys(part for medium in MEDIA for part in medium.tmdb_appended):
        media = [medium for medium in MEDIA if part in medium.tmdb_appended]
        faults = [fault for medium in media for fault in without(medium, part)]
        found.append(replace(_lie(f"{part} left out", media=media, red=None), faults=_always(*faults)))
    return found


def _beside_failures() -> list[Scenario]:
    """Lies while titles fail for reasons of their own, which are on record when the cycle of the lie ends."""

    def beside(**lie: Any) -> Callable[[Setting], Faults]:
        return lambda setting: [*_broken(setting), {"kind": "lie", **lie}]

    told = (*({"name": name} for name in ("no_cast", "no_ratings", "short_list")), {"name": "bad_request", **TMDB})
    return [replace(_lie(f"{lie['name']} while 3 titles fail", aims_at=3), faults=beside(**lie)) for lie in told]


def _whole_answers() -> list[Scenario]:
    def without_version(setting: Setting) -> Mapping[str, Any]:
        return {"tmdb_base_url": f"{setting.sandbox_url}/tmdb"}

    ratings: dict[str, Any] = {"api": "trakt", "endpoint": RATINGS}
    impatient: dict[str, Any] = {"settings": {"give_up_after": 1}}
    return [
        *(_lie(f"{name} (TMDB)", name, api="tmdb", stops=True) for name in WHOLE),
        *(_lie(f"{name} (Trakt's ratings)", name, stops=True, **ratings) for name in ("foreign_404", "error_with_200")),
        _lie("foreign_404 (everywhere)", "foreign_404"),
        _lie("foreign_404, nothing stored yet", "foreign_404", api="tmdb", fresh=True, stops=True),
        _lie("TMDB_BASE_URL without /3", mistaken=without_version, stops=True),
        *(
            _lie(f"{name} (TMDB), twice, with attempts for one", name, api="tmdb", lasts=2, hours_apart=4, **impatient)
            for name in ("error_with_200", "bad_request", "unknown_to_tmdb")
        ),
    ]


def _lists() -> list[Scenario]:
    def one_piece(name: str) -> Callable[[Setting], Faults]:
        def faults(setting: Setting) -> Faults:
            day = setting.today + timedelta(days=CALENDAR_PIECE)
            return [{"kind": "lie", "name": name, "endpoint": f"/calendars/all/shows/{day}/*"}]

        return faults

    months = [name for name in LISTS if name.startswith("months")]
    calendars = [name for name in LISTS if name.startswith("calendar")]
    return [
        *(_lie(name, name) for name in LISTS if name not in (*months, *calendars)),
        *(_lie(f"{name}, kept", name, red=None, months=True) for name in months),
        *(_lie(f"{name}, not kept yet", name, red=None, fresh=True) for name in months if name != FIRST_AND_BELIEVED),
        *(
            replace(_lie(f"{name}, one piece", calendar=True, media=[SHOWS]), faults=one_piece(name))
            for name in calendars
        ),
    ]


def _omdb() -> list[Scenario]:
    told = ("omdb_timeout", "omdb_conversion", "omdb_getting_data", "omdb_another_title")
    return [
        *(_lie(name, name, omdb=True, stops=True) for name in told),
        _lie("foreign_404 (OMDb)", "foreign_404", api="omdb", omdb=True, stops=True),
    ]


def _merged() -> Scenario:
    def faults(setting: Setting) -> Faults:
        merged = {f"{title['rank'] - 1}.show.ids.tmdb": 90_000_000 + title["tmdb"] for title in setting.titles}
        return [{"kind": "edit", "api": "trakt", "endpoint": "/shows/trending", "set": merged}]

    return replace(_lie("merged TMDB ids", aims_at=2, media=[SHOWS], lasts=CYCLES, red=False), faults=faults)
