"""A day on which tests stand still."""

from datetime import date

TODAY = date(2026, 11, 22)
