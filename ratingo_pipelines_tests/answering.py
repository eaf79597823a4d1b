"""A plain HTTP server on this machine that answers as a test says.

What breaks the protocol is in `sources.http.misbehaving`.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

ANY_PATH = re.compile(".*")


@contextmanager
def answering(answer: Callable[[Request], Response]) -> Iterator[str]:
    """Serve on a free port, whatever the path; its URL. A failure of `answer` is a 500, and raised at the end."""
    # Its access log would hold what the tests of secrets look for in ours.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        server.expect_request(ANY_PATH).respond_with_handler(answer)
        yield server.url_for("").rstrip("/")
        server.check_handler_errors()
