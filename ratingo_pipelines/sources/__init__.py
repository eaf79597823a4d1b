"""The outside world: Trakt, TMDB and OMDb over HTTP.

`http` holds the one client everything goes through; the clients of the APIs stand beside it. Nothing here knows the
database.
"""
