"""The secured door: one ASGI application around Dagster's webserver, its triggers, and the server that runs it."""
