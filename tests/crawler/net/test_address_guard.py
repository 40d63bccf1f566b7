"""The guard: IP addresses that may be connected to, however they are written."""

import asyncio
import ipaddress
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from crawler.net.address_guard import (
    RefusedAddressError,
    authority,
    check_address,
    check_url,
    judge_address,
    literal_address,
)
from crawler.net.client import GuardedResolver

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
PRIVATE = [
    "127.0.0.1",
    "127.255.0.9",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd12::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:a00:1::",
]
FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "fec0::1",
    "fd00:ec2::254",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "64:ff9b:1::1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
]


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        *((a, "public") for a in PUBLIC),
        *((a, "private") for a in PRIVATE),
        *((a, "forbidden") for a in FORBIDDEN),
    ],
)
def test_each_address_has_its_verdict(address: str, verdict: str) -> None:
    assert judge_address(address) == verdict


@given(st.ip_addresses(v=4))
def test_no_address_is_public_that_python_knows_to_be_private(address: ipaddress.IPv4Address) -> None:
    if judge_address(str(address)) == "public":
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_alike(address: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{address}"
    nat64 = str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address)))
    assert judge_address(mapped) == judge_address(nat64) == judge_address(str(address))


def test_a_local_source_may_be_private_but_never_metadata() -> None:
    check_address("127.0.0.1", local=True)
    with pytest.raises(RefusedAddressError, match=r"127\.0\.0\.1: the IP address is private, not public"):
        check_address("127.0.0.1", local=False)
    with pytest.raises(RefusedAddressError, match=r"the IP address is forbidden, not public\.$"):
        check_address("169.254.169.254", local=True)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "127.0.1"])
def test_odd_spellings_are_read_as_the_system_reads_them(host: str) -> None:
    assert literal_address(host) == "127.0.0.1"
    assert check_url(f"http://{host}/") == "private_address"


@pytest.mark.parametrize("host", ["shop.example", "1.2.3.4.example", "dead.beef", "xn--fiqs8s", "1.2.3.4.5", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://shop.example/a.jpg", None),
        ("HTTP://8.8.8.8/a", None),
        ("http://127.0.0.1:8000/a", None),
        ("http://127.0.0.1:8001/a", "private_address"),
        ("https://127.0.0.1:8000/", None),
        ("http://[::1]/", "private_address"),
        ("http://[::ffff:10.0.0.1]/", "private_address"),
        ("http://user:secret@192.168.0.1/", "private_address"),
        ("http://8.8.8.8@127.0.0.1/", "private_address"),
        ("file:///etc/passwd", "bad_scheme"),
        ("ftp://shop.example/a", "bad_scheme"),
        ("gopher://127.0.0.1/", "bad_scheme"),
        ("data:image/png;base64,AA==", "bad_scheme"),
        ("//shop.example/a", "bad_url"),
        ("", "bad_url"),
        ("http://", "bad_url"),
        ("http:///127.0.0.1/", "private_address"),
        ("http://[::1", "bad_url"),
        ("http://shop.example:port/", "bad_url"),
        ("http://shop.example:99999/", "bad_url"),
    ],
)
def test_each_url_is_passed_or_refused(url: str, refusal: str | None) -> None:
    assert check_url(url, {"127.0.0.1:8000"}) == refusal


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert check_url(text) in {None, "bad_url", "bad_scheme", "private_address"}
    authority(text)


def test_an_authority_always_has_its_port() -> None:
    assert authority("https://Shop.Example/a") == "shop.example:443"
    assert authority("http://shop.example:81/a") == "shop.example:81"
    assert authority("http://[2606:4700::1]/") == "[2606:4700::1]:80"


class Answers(AbstractResolver):
    """A resolver that returns its answers in turn, as in a DNS rebinding attack."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.answers.pop(0)
        ]

    async def close(self) -> None:
        self.closed = True


def test_a_name_is_refused_when_its_answer_turns_private() -> None:
    inner = Answers(["93.184.216.34"], ["127.0.0.1"])
    resolver = GuardedResolver(inner=inner)

    async def ask_twice() -> list[ResolveResult]:
        first = await resolver.resolve("rebinding.example", 80)
        with pytest.raises(RefusedAddressError):
            await resolver.resolve("rebinding.example", 80)
        await resolver.close()
        return first

    assert [found["host"] for found in asyncio.run(ask_twice())] == ["93.184.216.34"]
    assert inner.closed


def test_one_private_address_among_several_refuses_the_name() -> None:
    resolver = GuardedResolver(inner=Answers(["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(RefusedAddressError, match=r"10\.0\.0\.1"):
        asyncio.run(resolver.resolve("mixed.example", 80))


def test_a_local_name_may_be_private_on_its_own_port_alone() -> None:
    resolver = GuardedResolver({"Shop.local:8000"}, Answers(["10.0.0.7"], ["10.0.0.7"]))
    asyncio.run(resolver.resolve("shop.local", 8000))
    with pytest.raises(RefusedAddressError):
        asyncio.run(resolver.resolve("shop.local", 22))


def test_the_last_look_is_at_the_address_itself() -> None:
    resolver = GuardedResolver({"127.0.0.1:8000", "shop.local:80"}, Answers(["10.0.0.7"]))

    def open_to(host: str, port: int) -> None:
        resolver.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port))).close()

    open_to("93.184.216.34", 80)
    open_to("127.0.0.1", 8000)
    for host, port in (("127.0.0.1", 8001), ("10.0.0.7", 80), ("169.254.169.254", 80)):
        with pytest.raises(RefusedAddressError):
            open_to(host, port)
    asyncio.run(resolver.resolve("shop.local", 80))
    open_to("10.0.0.7", 80)


def test_a_port_beyond_all_ports_is_no_address() -> None:
    assert check_url("http://shop.example:99999/") == "bad_url"
