"""Name resolution through the address guard, for aiohttp."""

import socket
from collections.abc import Collection

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from crawler.net.address_guard import check_address, literal_address

__all__ = ["GuardedResolver"]


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses those that lead to a forbidden IP address.

    One bad address among several refuses the name: a host with both a public and a private
    address is not a mistake worth working around.

    Args:
        local_hosts: ``host:port`` of the sources marked local, which alone may be private.
        inner: resolver to ask; the system's by default.
    """

    def __init__(self, local_hosts: Collection[str] = (), inner: AbstractResolver | None = None) -> None:
        self._local = frozenset(host.lower() for host in local_hosts)
        self._inner = inner or ThreadedResolver()
        self._endpoints = {_endpoint(host) for host in self._local}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the IP addresses of ``host``.

        Raises:
            RefusedAddressError: one of them is forbidden.
            OSError: the name has none.
        """
        found = await self._inner.resolve(host, port, family)
        local = f"{host.lower()}:{port}" in self._local
        for result in found:
            check_address(result["host"], local=local)
            if local:
                self._endpoints.add((result["host"], port))
        return found

    def open_socket(self, address: AddrInfoType) -> socket.socket:
        """Create the socket of one connection, after a last check of its IP address.

        Raises:
            RefusedAddressError: the address is private and no local source leads to it.
        """
        family, kind, protocol, _, endpoint = address
        host, port = str(endpoint[0]), int(endpoint[1])
        check_address(host, local=(host, port) in self._endpoints)
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


def _endpoint(authority: str) -> tuple[str, int]:
    """Return IP address and port of an authority; a host name stays as it is."""
    host, _, port = authority.rpartition(":")
    return literal_address(host) or host, int(port)
