"""The APIs that the sandbox plays, and the environment that points this project at them."""

from ratingo_pipelines.sandbox import omdb, tmdb, trakt

APIS = {api.name: api for api in (trakt.API, tmdb.API, omdb.API)}


def environment(url: str) -> dict[str, str]:
    """The variables for a sandbox at `url`."""
    return {
        name: value
        for api in APIS.values()
        for name, value in {f"{api.name.upper()}_BASE_URL": url + api.path, **api.variables}.items()
    }
