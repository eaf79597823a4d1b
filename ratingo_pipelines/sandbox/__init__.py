"""An offline stand-in for Trakt, TMDB and OMDb, served over real HTTP on one port.

Demo, tests and benchmarks talk to it as they would to the real three. Here live the catalogue, the payloads, the
faults and the server; nothing here knows the rest of the project, so that the truth it tells is independent.
"""
