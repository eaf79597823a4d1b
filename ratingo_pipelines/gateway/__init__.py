"""The secured door: one ASGI application that puts Dagster's webserver and the sync endpoints behind one secret."""
