"""Ratingo's pipelines: what the world is watching now, in one database."""
