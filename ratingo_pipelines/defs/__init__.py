"""The Dagster shell over `sync`: assets, jobs, schedules, sensors, checks, resource."""

import warnings

import dagster as dg

# Dagster calls backfill policies beta, on standard error, each time they are loaded.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
