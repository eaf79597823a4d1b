"""The outside world: Trakt, TMDB and OMDb over HTTP.

`http.py` holds the one session everything goes through and the modules it is composed of; the clients stand beside
it, one file an API. Nothing here knows the database.
"""
