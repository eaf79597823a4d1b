"""Pure computations on numbers and pandas frames: no I/O, no settings, no SQL.

`scoring` and `anime` need the standard library only, so that a command starts without pandas.
"""
