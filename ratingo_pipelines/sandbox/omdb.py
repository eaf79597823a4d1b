"""OMDb: one path, everything as strings, errors within HTTP 200, and bodies that are no JSON."""

import re
from typing import Any

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.reference import GENRES
from ratingo_pipelines.sandbox.title import Title
from ratingo_pipelines.sandbox.web import Asked, Reply, StandIn, answer, dump
from ratingo_pipelines.sandbox.world import World

KEY = "sandbox-omdb-key"
TEMPLATES = (("/", re.compile(r"/?()")),)
NO_KEY = {"Response": "False", "Error": "No API key provided."}
WRONG_KEY = {"Response": "False", "Error": "Invalid API key!"}
EXHAUSTED = {"Response": "False", "Error": "Request limit reached!"}


def refusal(asked: Asked, key: str) -> Reply | None:
    """Refuse another key."""
    given = asked.query.get("apikey")
    if given == key:
        return None
    return answer(WRONG_KEY if given else NO_KEY, 401)


def serve(asked: Asked, template: str, values: tuple[str, ...], world: World) -> Reply:
    """Answer a request that is entitled to one."""
    imdb_id = asked.query.get("i", "")
    if not re.fullmatch(r"tt\d{7,}", imdb_id):
        return answer({"Response": "False", "Error": "Incorrect IMDb ID."})
    title = _find(world, imdb_id, asked.query.get("type"))
    if title is None or title.omdb == "not_found":
        kind = "Series" if asked.query.get("type") == "series" else "Movie"
        return answer({"Response": "False", "Error": f"{kind} not found!"})
    if title.omdb in ("invalid_json", "control_characters"):
        return Reply(200, _broken(title, world))
    return answer(_payload(title, world))


def _find(world: World, imdb_id: str, kind: str | None) -> Title | None:
    return next(
        (
            title
            for medium in MEDIA
            if kind in (None, medium.omdb_type)
            for title in world.catalogue.titles[medium]
            if title.imdb_id == imdb_id
        ),
        None,
    )


def _payload(title: Title, world: World) -> dict[str, Any]:
    votes = world.votes(title)
    known = title.omdb != "na"
    score = title.metascore if known else None
    ratings = []
    if known:
        ratings = [{"Source": "Internet Movie Database", "Value": f"{votes.imdb}/10"}]
    if score is not None:
        ratings.append({"Source": "Metacritic", "Value": f"{score}/100"})
    payload = {
        "Title": title.name,
        "Year": str(title.year or "N/A"),
        "Rated": dict(title.certifications).get("US", ("N/A",))[-1] or "N/A",
        "Released": title.released.strftime("%d %b %Y") if title.released else "N/A",
        "Runtime": f"{title.runtime} min" if title.runtime else "N/A",
        "Genre": ", ".join(GENRES[title.medium][genre][0] for genre in title.genre_ids),
        "Director": "N/A",
        "Writer": "N/A",
        "Actors": ", ".join(credit.name for credit in title.cast[:3]),
        "Plot": title.overview or "N/A",
        "Language": "English",
        "Country": "United States",
        "Awards": "N/A",
        "Poster": f"https://m.media-amazon.com/images{title.poster_path}" if title.poster_path else "N/A",
        "Ratings": ratings,
        "Metascore": str(score) if score is not None else "N/A",
        "imdbRating": f"{votes.imdb}" if known else "N/A",
        "imdbVotes": f"{votes.imdb_votes:,}" if known else "N/A",
        "imdbID": title.imdb_id,
        "Type": title.medium.omdb_type,
    }
    if title.medium.omdb_type == "series":
        payload["totalSeasons"] = str(len(title.seasons))
    # Recorded answers carry these for whatever type.
    return payload | {"DVD": "N/A", "BoxOffice": "N/A", "Production": "N/A", "Website": "N/A", "Response": "True"}


def _broken(title: Title, world: World) -> bytes:
    """Spoil the body the way OMDb does: unescaped quotes, a bad escape, or raw control characters."""
    plots = [b"A line\x0band another\x01."]
    if title.omdb == "invalid_json":
        plots = [b'The one they call "the Doctor" returns.', rb"Rain\snow and w\ind."]
    nth = [one for one in world.catalogue.titles[title.medium] if one.omdb == title.omdb].index(title)
    return dump(_payload(title, world) | {"Plot": "PLOT"}).replace(b"PLOT", plots[nth % len(plots)])


API = StandIn(
    "omdb",
    "/omdb",
    KEY,
    {"OMDB_API_KEY": KEY, "OMDB_DAILY_LIMIT": "100000"},
    TEMPLATES,
    refusal,
    serve,
)
