"""The address guard: no request reaches this machine, its network or a cloud's metadata service.

A page, a redirect or a name server may point anywhere. What counts is the IP address of the
connection, so names are judged after they are resolved, and addresses in a URL are judged as
the system reads them (``127.1``, ``0x7f000001``, ``[::ffff:10.0.0.1]``).

The lists are the IANA special-purpose registries (RFC 6890 and its updates). They are kept here instead of
using ``ipaddress.is_global``, whose answer differs between patch releases of Python.
"""

import ipaddress
import socket
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, NamedTuple
from urllib.parse import SplitResult

from core.urls import split_url

__all__ = [
    "AddressVerdict",
    "RefusedAddressError",
    "UrlRefusal",
    "authority",
    "check_address",
    "check_place",
    "check_url",
    "judge_address",
    "literal_address",
]

AddressVerdict = Literal["public", "private", "forbidden"]
"""``private`` is allowed only for sources marked local, ``forbidden`` for none."""

UrlRefusal = Literal["bad_url", "bad_scheme", "private_address"]

_DEFAULT_PORTS = {"http": 80, "https": 443}

_PRIVATE_V4 = tuple(
    IPv4Network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT, and Alibaba's metadata service
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
    )
)
_FORBIDDEN_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this host": Linux connects it to loopback
        "100.100.100.200/32",  # Alibaba's metadata service
        "168.63.129.16/32",  # Azure's wire server, a public address by its number
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata service
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PRIVATE_V6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))
_METADATA_V6 = IPv6Network("fd00:ec2::/32")
_GLOBAL_V6 = IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20")
)  # protocol assignments (Teredo among them) and documentation, inside 2000::/3
_NAT64 = IPv6Network("64:ff9b::/96")


class RefusedAddressError(OSError):
    """An IP address that the guard refuses.

    An OSError, as libraries expect of a resolver that finds no address.
    """


def judge_address(text: str) -> AddressVerdict:
    """Return whether an IP address, or the one that it embeds, is public, private or forbidden.

    Args:
        text: IPv4 or IPv6 in its usual notation; a zone (``%eth0``) is ignored.

    Raises:
        ValueError: ``text`` is not an IP address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is None:
            return _judge_v6(address)
        address = inner
    if any(address in network for network in _FORBIDDEN_V4):
        return "forbidden"
    return "private" if any(address in network for network in _PRIVATE_V4) else "public"


def check_address(text: str, *, local: bool) -> None:
    """Raise an error for an IP address that must not be connected to.

    Args:
        text: the IP address, as in the URL or from the resolver.
        local: whether the source is marked local, so that private addresses are allowed.

    Raises:
        RefusedAddressError: the address is forbidden.
    """
    verdict = judge_address(text)
    if verdict == "forbidden" or (verdict == "private" and not local):
        advice = " If the source is your own, mark it as local." if verdict == "private" else ""
        raise RefusedAddressError(f"{text}: the IP address is {verdict}, not public.{advice}")


def literal_address(host: str) -> str | None:
    """Return the IP address that a URL's host spells, or None if it is a name.

    Accepts the forms of the C library: decimal, octal, hexadecimal, one to four parts.
    """
    bare = host.strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(bare.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except (OSError, ValueError):
        return None


def authority(url: str) -> str:
    """Return ``host:port`` of a URL in lower case, the port always given; "" if there is none."""
    place = _place(url)
    return place.authority if place else ""


def check_url(url: str, local_hosts: Collection[str] = ()) -> UrlRefusal | None:
    """Return why a URL must not be requested; None if it may be.

    Checks the scheme and an IP address in the URL. A name is checked when it is resolved.

    Args:
        url: absolute URL.
        local_hosts: ``host:port`` of the sources marked local.
    """
    return check_place(url, local_hosts)[1]


def check_place(url: str, local_hosts: Collection[str] = ()) -> tuple[str, UrlRefusal | None]:
    """Return :func:`authority` and :func:`check_url` of a URL, read once."""
    place = _place(url)
    if place is None:
        return "", "bad_url"
    passes = place.private and place.authority in local_hosts
    return place.authority, None if passes else place.refusal


class _Place(NamedTuple):
    """The checked scheme, host and port of a URL."""

    authority: str
    refusal: UrlRefusal | None
    private: bool
    """Whether it is refused unless the host is marked local."""


def _place(url: str) -> _Place | None:
    """Return the checked place of a URL; None if it is malformed."""
    parts = split_url(url)
    if parts is None:
        return None
    try:
        return _judge_place(parts.scheme, parts.authority)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _judge_place(scheme: str, netloc: str) -> _Place:
    """Check scheme and authority; cached, because many URLs share few of them."""
    parts = SplitResult(scheme, netloc, "", "", "")
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(scheme, 0)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if scheme not in _DEFAULT_PORTS:
        return _Place(place, "bad_scheme", private=False)
    if not host:
        return _Place(place, "bad_url", private=False)
    address = literal_address(host)
    verdict = "public" if address is None else judge_address(address)
    return _Place(place, None if verdict == "public" else "private_address", private=verdict == "private")


def _judge_v6(address: IPv6Address) -> AddressVerdict:
    if address in _METADATA_V6:
        return "forbidden"
    if any(address in network for network in _PRIVATE_V6):
        return "private"
    if address in _GLOBAL_V6 and not any(address in network for network in _FORBIDDEN_V6):
        return "public"
    return "forbidden"


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a mapped, NAT64 or 6to4 address leads to."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
