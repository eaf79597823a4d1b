"""Which answer of a source is believed, and whose fault a failure is: pure decisions, no I/O.

Asking the sources and keeping what was decided is the use cases', a package up.
"""
