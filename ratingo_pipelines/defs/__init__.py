"""The Dagster shell over `sync`: assets, jobs, schedules, sensors, checks, resource."""

import warnings

import dagster as dg

# Backfill policies are beta, which is said on standard error each time they are loaded (`dg.BackfillPolicy`).
warnings.filterwarnings("ignore", category=dg.BetaWarning)
