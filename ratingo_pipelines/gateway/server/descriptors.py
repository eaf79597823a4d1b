"""Open files: how many this process may have, and how many of them its callers get.

A process that cannot open one more ends: gRPC aborts it when it gets no descriptor for its wakeups.
"""

import resource

MOST_CONNECTIONS = 1000
"""Whatever the system allows: each costs memory, and as many calls wait in the system's queue besides."""
FEWEST_CONNECTIONS = 16


def connection_bound(open_files: int) -> int:
    """How many connections are open at once under a limit of open files: half of it at most, the rest is Dagster's."""
    if open_files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, open_files // 2))
