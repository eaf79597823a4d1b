"""The APIs that the sandbox plays, and the environment that points this project at them."""

from ratingo_pipelines.sandbox import imdb, omdb, tmdb, trakt

APIS = {api.name: api for api in (trakt.API, tmdb.API, omdb.API, imdb.API)}


def environment(url: str) -> dict[str, str]:
    """The variables for a sandbox at `url`."""
    return {
        name: value
        for api in APIS.values()
        for name, value in dict([api.location(url), *api.variables.items()]).items()
    }
