"""Counts wrong secrets by where they come from. What a client may still do is decided by who asks here."""

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic

ALLOWED = 10
SECONDS = 60.0
MOST_CLIENTS = 10_000
"""Remembered at once; past it the one that tried longest ago is forgotten."""
PREFIX = 64
"""Bits of an IPv6 address that tell one customer from another: the rest is its own to choose (RFC 6177)."""


class Attempts:
    """Wrong attempts of each client, an address or an IPv6 network, within the last minute."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> None:
        """Note a wrong attempt."""
        client = network_of(address)
        times = self._failures.setdefault(client, deque(maxlen=ALLOWED))
        times.append(self._now())
        self._failures.move_to_end(client)
        if len(self._failures) > MOST_CLIENTS:
            self._failures.popitem(last=False)

    def wait(self, address: str) -> int:
        """Seconds until the client has fewer than ten wrong attempts in a minute behind it; 0 if it has now."""
        times = self._failures.get(network_of(address))
        if times is None or len(times) < ALLOWED:
            return 0
        return max(0, ceil(times[0] + SECONDS - self._now()))


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, however it is written, or the network of an IPv6 one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    network = int(parsed) >> (128 - PREFIX) << (128 - PREFIX)
    return f"{IPv6Address(network)}/{PREFIX}"
