"""Moved to `dagster_instance.sqlite`; the dagster.yaml of homes that exist names it here."""

from ratingo_pipelines.dagster_instance.sqlite import SqliteEventLog

__all__ = ["SqliteEventLog"]
