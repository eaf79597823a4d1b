"""One API client for all three APIs: limits, pauses, retries, circuit, cache and secrets.

How one request goes; whoever reads on begins with `session.py`, whose `send` is this picture, top-down:

    JsonApi.get, .read   api.py            one request a URL at a time (single_flight.py); asks again after a failure
      |                                    that may pass, and names what is left of it (statuses.py, the client)
      v
    ApiSession.send      session.py
      |- AnswerCache     cache.py          an answer young enough for the caller, and the request ends here
      |- RateLimiter     limits.py         waits in line until the limits leave room (grants.py: shared by processes)
      |    '- asks before each wait:       Passage.wait (circuit.py)  is the API down, and is this the probe?
      |                                    Backoff.wait (backoff.py)  has it asked for a pause?
      |- Wire            transport.py      adds the keys, through whatever proxy the environment names
      |    '- calls, once connected:       Grant.sending              is the leave still good? else once more in line
      |- Grant.answered  limits.py         when did it really arrive? the limit counts from then
      |- Backoff         backoff.py        a refusal (429, 503 with Retry-After): everybody waits
      |- read_body       transport.py      whole, unpacked, in time, not too large
      |- RequestTally    tally.py          counts what came of it, for those who look (usage.py)
      '- AnswerCache     cache.py          keeps it, if the caller finds it worth keeping

What came of it, api.py tells the circuit: failed, succeeded, or nothing. What an API's answers mean lives with its
client.
"""

from ratingo_pipelines.sources.http.answer import HttpAnswer
from ratingo_pipelines.sources.http.api import ApiConfig, Diagnose, HttpConfig, JsonAnswer, JsonApi
from ratingo_pipelines.sources.http.opening import open_api

__all__ = ["ApiConfig", "Diagnose", "HttpAnswer", "HttpConfig", "JsonAnswer", "JsonApi", "open_api"]
