"""The web server below the application: how many connections it takes, from whom, and for how long.

uvicorn speaks HTTP; here is what it leaves open: callers that connect and say nothing, or never come to an end. Who a
caller is, and what it may do, is `auth`'s to decide.
"""

from ratingo_pipelines.gateway.server.bounded import BACKLOG, web_server
from ratingo_pipelines.gateway.server.connections import admit, peer_of
from ratingo_pipelines.gateway.server.descriptors import connection_bound
from ratingo_pipelines.gateway.server.protocols import LONGEST_HEAD

__all__ = ["BACKLOG", "LONGEST_HEAD", "admit", "connection_bound", "peer_of", "web_server"]
