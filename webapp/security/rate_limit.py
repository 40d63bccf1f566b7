"""Rate limit by token buckets, one for each person or IP address."""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["RateLimit", "ip_key"]

_KEYS = 10_000


class RateLimit:
    """One bucket per key; memory is bounded: the least recently used bucket is dropped first."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float], keys: int = _KEYS) -> None:
        """Allow ``burst`` requests at once and ``rate`` per second thereafter.

        Args:
            rate: Requests per second.
            burst: Requests.
            clock: Monotonic clock in seconds.
            keys: Maximum number of buckets.
        """
        self._rate, self._burst, self._clock, self._keys = rate, burst, clock, keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, key: str) -> float:
        """Take one request from the key's bucket; return 0, or the seconds until one is available."""
        now = self._clock()
        tokens, since = self._buckets.pop(key, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - allowed, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._rate


def ip_key(host: str) -> str:
    """Return the bucket key of an IP address; for IPv6 the first 64 bits, which identify one subscriber."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
