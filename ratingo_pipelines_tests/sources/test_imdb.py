"""The rows of IMDb's dataset: what they say at the edges of what is possible, and what is not believed."""

import gzip

import pytest
from werkzeug import Request, Response

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import BadPayload
from ratingo_pipelines.sources.imdb import HEADER, ImdbRating, ImdbRatings, fetch_ratings
from ratingo_pipelines_tests.answering import answering


def fetched(*rows: str) -> ImdbRatings:
    """What a dataset of these rows says of tt1 and tt2."""
    body = gzip.compress(b"\n".join([HEADER, *(row.encode() for row in rows), b""]))
    with answering(lambda request: respond(request, body)) as url:
        found = fetch_ratings(Settings(_env_file=None, imdb_dataset_url=url), {b"tt1", b"tt2"})
    assert found is not None
    return found


def respond(_: Request, body: bytes) -> Response:
    return Response(body, headers={"ETag": '"of a test"'})


@pytest.mark.parametrize(
    ("figures", "rating"),
    [
        ("1.0\t5", ImdbRating(1.0, 5)),
        ("0.1\t1", ImdbRating(0.1, 1)),
        ("10.0\t2147483647", ImdbRating(10.0, 2**31 - 1)),
        ("7.5\t0", None),
        ("\\N\t\\N", None),
    ],
)
def test_a_row_says_what_is_possible_or_that_nobody_voted(figures: str, rating: ImdbRating | None) -> None:
    found = fetched(f"tt1\t{figures}", "tt2\t8.0\t10", "tt3\t9.0\t10")

    assert (found.rows, found.etag) == (3, '"of a test"')
    assert found.ratings == {"tt2": ImdbRating(8.0, 10)} | ({"tt1": rating} if rating else {})


@pytest.mark.parametrize(
    "figures", ["0.0\t5", "-1\t5", "10.1\t5", "nan\t5", "7.5\t-1", "7.5\t2147483648", "7.5\t1\t2", "7.5", "high\t5", ""]
)
def test_a_file_with_a_row_that_cannot_be_is_not_believed(figures: str) -> None:
    with pytest.raises(BadPayload, match=r"a row of the dataset (is impossible|cannot be read)"):
        fetched(f"tt1\t{figures}")
