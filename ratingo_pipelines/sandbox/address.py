"""Where a sandbox's three APIs are, the keys they accept, and the environment that points this project at them."""

PATHS = {"trakt": "/trakt", "tmdb": "/tmdb/3", "omdb": "/omdb"}
"""Where each API's base URL points, below the sandbox's own."""

TRAKT_KEY = "sandbox-trakt-client-id"
TMDB_TOKEN = "sandbox-tmdb-read-access-token"  # noqa: S105 -- opens nothing but the sandbox
OMDB_KEY = "sandbox-omdb-key"

_UNLIMITED = {"TRAKT_RATE_LIMIT": "100000/1", "TMDB_RATE_LIMIT": "100000/1", "OMDB_DAILY_LIMIT": "100000"}


def environment(url: str) -> dict[str, str]:
    """The variables for a sandbox at `url`, rate limits included: it has none unless a fault enforces them."""
    return {
        "TRAKT_BASE_URL": url + PATHS["trakt"],
        "TRAKT_CLIENT_ID": TRAKT_KEY,
        "TMDB_BASE_URL": url + PATHS["tmdb"],
        "TMDB_ACCESS_TOKEN": TMDB_TOKEN,
        "OMDB_BASE_URL": url + PATHS["omdb"],
        "OMDB_API_KEY": OMDB_KEY,
        **_UNLIMITED,
    }
