"""Mutants: the package with one small fault put in; tests that still pass then lack a sentence. `make mutants`."""
