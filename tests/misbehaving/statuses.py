"""Faults of status codes: refusals, outages, redirects."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from tests.misbehaving.content import jpeg
from tests.misbehaving.fault import Exchange, Fault

__all__ = ["STATUS_FAULTS"]

_Play = Callable[[Exchange], Awaitable[None]]


def _status(status: int, **headers: str) -> _Play:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def play(exchange: Exchange) -> None:
        await exchange.answer(b"no" * (status not in (204, 304)), status, named)

    return play


def _then_well(status: int, **headers: str) -> _Play:
    first = _status(status, **headers)

    async def play(exchange: Exchange) -> None:
        await (first(exchange) if exchange.count == 1 else exchange.answer(jpeg()))

    return play


def _to(location: str) -> _Play:
    async def play(exchange: Exchange) -> None:
        await exchange.answer(b"", 302, {"Location": location.replace("{here}", exchange.address)})

    return play


async def _further(exchange: Exchange) -> None:
    await exchange.answer(b"", 302, {"Location": f"{exchange.path}x"})


async def _cookie_wall(exchange: Exchange) -> None:
    if "seen=1" in exchange.headers.get("cookie", ""):
        await exchange.answer(jpeg())
    else:
        await exchange.answer(b"", 302, {"Location": exchange.path, "Set-Cookie": "seen=1"})


async def _busy_until(exchange: Exchange) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    await (_then_well(503, Retry_After=past))(exchange)


STATUS_FAULTS = (
    Fault("not-found", "404", _status(404), "http_404"),
    Fault("gone", "410", _status(410), "http_410"),
    Fault("forbidden", "403", _status(403), "http_403"),
    Fault("teapot", "418", _status(418), "http_4xx"),
    Fault("always-500", "500, every time", _status(500), "http_5xx"),
    Fault("503-then-well", "503, then the image", _then_well(503), None),
    Fault("503-until-date", "503 with a Retry-After date that has passed, then the image", _busy_until, None),
    Fault("429-then-well", "429 with Retry-After 0, then the image", _then_well(429, Retry_After="0"), None),
    Fault("429-for-long", "429 with Retry-After of an hour", _status(429, Retry_After="3600"), "http_429"),
    Fault("no-content", "204", _status(204), "http_status"),
    Fault("partial", "206, though no part was asked for", _status(206), "http_status"),
    Fault("unasked-304", "304, though nothing was asked on condition", _status(304), "http_status"),
    Fault("redirect", "a redirect to an image", _to("/plain-image"), None),
    Fault("redirect-loop", "a redirect to itself", _to("/redirect-loop"), "redirect_loop"),
    Fault("redirect-further", "redirects to ever new URLs", _further, "redirect_loop"),
    Fault("redirect-nowhere", "a redirect without a URL", _status(302), "bad_redirect"),
    Fault("redirect-nonsense", "a redirect to a malformed URL", _to("http://[::1"), "bad_url"),
    Fault("redirect-file", "a redirect to a file", _to("file:///etc/passwd"), "bad_scheme"),
    Fault(
        "redirect-metadata",
        "a redirect to the cloud's metadata",
        _to("http://169.254.169.254/latest/"),
        "private_address",
    ),
    Fault(
        "redirect-loopback", "a redirect to another port of this machine", _to("http://127.0.0.1:1/"), "private_address"
    ),
    Fault(
        "redirect-decimal",
        "a redirect to loopback, spelled as one number",
        _to("http://2130706433/"),
        "private_address",
    ),
    Fault("redirect-short", "a redirect to loopback, spelled 127.1", _to("http://127.1/"), "private_address"),
    Fault(
        "redirect-mapped", "a redirect to loopback inside IPv6", _to("http://[::ffff:127.0.0.1]/"), "private_address"
    ),
    Fault(
        "redirect-name", "a redirect to a name that leads to loopback", _to("http://localhost:1/"), "private_address"
    ),
    Fault("cookie-wall", "a redirect to itself until a cookie comes back", _cookie_wall, "redirect_loop"),
)
