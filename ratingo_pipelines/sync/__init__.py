"""The use cases: fetch from the sources, measure, store. Nothing here knows Dagster, web servers or terminals."""
