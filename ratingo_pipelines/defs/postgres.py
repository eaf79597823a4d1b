"""Moved to `dagster_instance.postgres`; the dagster.yaml of homes that exist names it here."""

from ratingo_pipelines.dagster_instance.postgres import PostgresStorage

__all__ = ["PostgresStorage"]
