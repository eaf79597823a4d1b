"""The Dagster shell over `sync`: assets, jobs, schedules, sensors, checks, resource."""
