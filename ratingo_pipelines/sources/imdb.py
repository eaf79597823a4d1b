"""IMDb's daily dataset of ratings: asked for by its ETag, unpacked and read as it comes, never whole in memory.

For personal and non-commercial use only: https://developer.imdb.com/non-commercial-datasets/. What becomes of the
ratings is decided elsewhere (`sync.imdb`).
"""

import gzip
import zlib
from collections.abc import Container, Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import IO, cast

import requests
from urllib3.exceptions import HTTPError

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import BadPayload, SourceUnavailable
from ratingo_pipelines.sources.http.transport import CONNECT_SECONDS, USER_AGENT

API = "IMDb"
HEADER = b"tconst\taverageRating\tnumVotes"
NONE = b"\\N"
LONGEST_SECONDS = 600
"""So long the whole file may take, however steadily it drips."""
_BLOCK_BYTES = 1 << 20
_KEPT = "; nothing was changed, and the next run asks again"


@dataclass(frozen=True, slots=True)
class ImdbRating:
    """What IMDb's voters say of a title."""

    average: float
    votes: int


@dataclass(frozen=True)
class ImdbRatings:
    """The whole dataset, of which the wanted titles are kept."""

    rows: int
    ratings: Mapping[str, ImdbRating]
    """By IMDb's id, of those that were asked for and are rated."""
    etag: str | None


def fetch_ratings(settings: Settings, wanted: Container[bytes], etag: str | None = None) -> ImdbRatings | None:
    """The ratings of the titles whose IMDb ids are `wanted`; None where the dataset is still that of `etag`.

    Raises `SourceUnavailable` where it does not come, `BadPayload` where it is cut, garbled or something else.
    """
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"} | ({"If-None-Match": etag} if etag else {})
    timeout = (CONNECT_SECONDS, settings.http_timeout_seconds)
    try:
        answer = requests.get(
            settings.imdb_dataset_url, headers=headers, stream=True, timeout=timeout, allow_redirects=False
        )
        with closing(answer):
            if answer.status_code == HTTPStatus.NOT_MODIFIED and etag:
                return None
            if answer.status_code != HTTPStatus.OK:
                said = f"answered with HTTP {answer.status_code}; look at IMDB_DATASET_URL"
                raise SourceUnavailable(API, said + _KEPT)
            unpacked = gzip.GzipFile(fileobj=cast("IO[bytes]", answer.raw))
            rows, ratings = _read(cast("IO[bytes]", unpacked), wanted)
            return ImdbRatings(rows, ratings, answer.headers.get("ETag"))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadPayload(API, f"the dataset is cut or garbled ({error}){_KEPT}") from None
    except (requests.RequestException, HTTPError, OSError) as error:
        raise SourceUnavailable(API, f"the dataset did not come ({type(error).__name__}){_KEPT}") from None


def _read(unpacked: IO[bytes], wanted: Container[bytes]) -> tuple[int, dict[str, ImdbRating]]:
    """Read block by block: to look at each of so many lines by itself takes thrice as long."""
    if unpacked.readline().rstrip() != HEADER:
        raise BadPayload(API, f"the dataset does not begin as it should{_KEPT}", "header")
    began, rows, rest = monotonic(), 0, b""
    found: dict[str, ImdbRating] = {}
    while block := unpacked.read(_BLOCK_BYTES):
        if monotonic() - began > LONGEST_SECONDS:
            raise SourceUnavailable(API, f"the dataset took longer than {LONGEST_SECONDS} s{_KEPT}")
        *lines, rest = (rest + block).split(b"\n")
        rows += len(lines)
        for line in [line for line in lines if line.partition(b"\t")[0] in wanted]:
            if rating := _rating(line):
                found[line.partition(b"\t")[0].decode()] = rating
    if rest or not rows:
        raise BadPayload(API, f"the dataset {'ends within a row' if rest else 'has no rows'}{_KEPT}", "rows")
    return rows, found


def _rating(line: bytes) -> ImdbRating | None:
    """The rating in a line; None where nobody voted."""
    _, *figures = line.rstrip(b"\r\n").split(b"\t")
    if NONE in figures:
        return None
    try:
        average, votes = float(figures[0]), int(figures[1])
    except (ValueError, IndexError):
        raise BadPayload(API, f"a row of the dataset cannot be read{_KEPT}", "rows") from None
    if not 0 < average <= 10 or not 0 <= votes < 2**31 or len(figures) != 2:
        raise BadPayload(API, f"a row of the dataset is impossible{_KEPT}", "rows")
    return ImdbRating(average, votes) if votes else None
