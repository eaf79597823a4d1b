"""Dagster's own storage, as `dagster.yaml` names it; the definitions that Dagster loads are in `defs`."""
