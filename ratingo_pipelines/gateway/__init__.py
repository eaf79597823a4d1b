"""One ASGI application around Dagster's webserver, behind authentication, and the server that runs it."""
