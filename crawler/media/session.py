"""The HTTP session of the downloader: keep-alive, guarded, without cookies or help from outside."""

from collections.abc import Collection

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver

from crawler.download_settings import DownloadSettings
from crawler.guarded_resolver import GuardedResolver

__all__ = ["open_session"]

_DNS_CACHE_S = 300
_KEEP_ALIVE_S = 15.0


def open_session(
    settings: DownloadSettings,
    user_agent: str,
    local_hosts: Collection[str],
    resolver: AbstractResolver | None = None,
) -> ClientSession:
    """Open a session; the caller closes it. Call inside a running event loop.

    Proxies of the environment are not used: behind one, the guard could not see the address.

    Args:
        settings: timeouts.
        user_agent: sent with every request.
        local_hosts: ``host:port`` of sources marked local.
        resolver: what turns names into addresses, before the guard; the system's by default.
    """
    guarded = GuardedResolver(local_hosts, resolver)
    connector = TCPConnector(
        limit=0,  # slots are counted by host, and before a connection is asked for
        resolver=guarded,
        ttl_dns_cache=_DNS_CACHE_S,
        keepalive_timeout=_KEEP_ALIVE_S,
        socket_factory=guarded.open_socket,
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.read_timeout_s),
        headers={
            "User-Agent": user_agent,
            "Accept": "image/*,video/*;q=0.9,*/*;q=0.1",
            "Accept-Encoding": "identity",
        },
        auto_decompress=False,
        trust_env=False,
    )
