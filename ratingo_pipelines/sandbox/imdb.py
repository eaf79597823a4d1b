"""IMDb's daily dataset of ratings, with as many rows as are asked for: those of the catalogue, among others."""

import gzip
import re
from hashlib import blake2b

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.web import Asked, Reply, StandIn
from ratingo_pipelines.sandbox.world import World

FILE = "title.ratings.tsv.gz"
TEMPLATES = (("/{file}", re.compile(r"/()title\.ratings\.tsv\.gz")), ("/{rows}/{file}", re.compile(rf"/(\d+)/{FILE}")))
HEADER = "tconst\taverageRating\tnumVotes"
FIRST_OTHER = 90_000_000
"""IMDb's ids from here on are of titles that no other API knows."""


def serve(asked: Asked, template: str, values: tuple[str, ...], world: World) -> Reply:
    """Answer with the file of this epoch; of more rows than the catalogue has, others are made up."""
    rows = [
        f"{title.imdb_id}\t{votes.imdb}\t{votes.imdb_votes}"
        for medium in MEDIA
        for title in world.catalogue.titles[medium]
        if title.imdb_id is not None and title.omdb == "answer"
        for votes in [world.votes(title)]
    ]
    wanted = int(values[0]) if values[0] else len(rows) + 100
    rows += [
        f"tt{FIRST_OTHER + number}\t{1 + number % 90 / 10}\t{5 + number % 977}" for number in range(wanted - len(rows))
    ]
    body = gzip.compress("\n".join((HEADER, *rows, "")).encode(), 6, mtime=0)
    tag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    return Reply(200, body, {"ETag": tag}, "binary/octet-stream")


API = StandIn(
    name="imdb",
    path="/imdb",
    key="",
    variables={},
    templates=TEMPLATES,
    refusal=lambda asked, key: None,
    serve=serve,
    url_variable="IMDB_DATASET_URL",
    file=f"/{FILE}",
)
