"""URLs of media are requested as published: the server compares the whole target, as stores of signed URLs do."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.stage import utc_now
from core.urls import absolute
from crawler.media.fetch import Fetcher
from crawler.media.outcome import DownloadJob, FetchResult
from crawler.media.queue import DownloadRun
from crawler.media.session import MediaSession
from crawler.media.throttle import ByteBudget
from crawler.settings import DownloadSettings
from tests.crawler.media.conftest import make_image

SETTINGS = DownloadSettings(read_timeout_s=60, connect_timeout_s=60)

AS_PUBLISHED = (
    "/smart/http%3A%2F%2Fshop.example%2Fmug.png",
    "/smart/http://shop.example/mug.png",
    "/t/q75.png?x-expires=1&x-signature=c52Ptq%2FkUlu%3D&from=1",
    "/t/q75.png?X-Credential=key%40shop%2F20260101%2Fauto",
    "/q/size%3Alarge.png",
    "/q/it%27s.png",
    "/q/it's.png",
    "/q/cup%20%26%20saucer.png",
    "/q/x%2Cy_%28z%29.png",
    "/q/x,y_(z).png",
    "/%7Eshop/~mug.png",
    "/%c3%bc/lower.png",
    "/%C3%BC/upper.png",
    "/%C3%bC/mixed.png",
    "/q/mug%2fblue%2Fold.png",
    "/q/mug+blue.png?name=blue+mug&name=blue%20mug",
    "/q/mug;v=1.png;jsessionid=AB12",
    "/q/mug[1].png?ids[]=2&ids%5B%5D=3",
    "/q/a|b.png?c|d",
    "/q/!$&*=:@.png",
    "/q/100%.png",
    "/q/100%25.png?share=50%",
    "/q/%zz.png?%g1",
    "/q/back.png?path=a\\b",
    "/q/braces.png?{w}x{h}`^",
    "/q/double//slash.png",
    "/q/trailing/",
    "/q/empty.png?",
    "/q/escaped%20empty.png?",
    "/q/questions.png?a=?b=?",
    "/q/nothing.png?&&a&=b",
    "/q/utm.png?utm_source=x&gclid=1&sid=abcdefghij0123456789abcd",
    "/q/null%00.png",
    "/q/dots...png",
)
"""Targets that hold no character that must be escaped, and no dot segment."""

AS_BROWSERS_ESCAPE = {
    "/e/blue mug.png?a b": "/e/blue%20mug.png?a%20b",
    "/e/blå.png?ø=å": "/e/bl%C3%A5.png?%C3%B8=%C3%A5",
    "/e/杯子.png": "/e/%E6%9D%AF%E5%AD%90.png",
    "/e/{w}x{h}`^.png": "/e/%7Bw%7Dx%7Bh%7D%60%5E.png",
    '/e/"<mug>".png?it\'s"<>': "/e/%22%3Cmug%3E%22.png?it%27s%22%3C%3E",
    "/e/back\\slash.png": "/e/back/slash.png",
    "/e/./a/../%2e%2E/dots.png": "/dots.png",
    "/e/tab\tline\n.png": "/e/tabline.png",
    "/e/fragment.png#view": "/e/fragment.png",
    "  /e/spaces.png  ": "/e/spaces.png",
}
"""Published URL -> target that the URL standard gives it."""

AS_REDIRECTED = {
    b"/r/synspr\xf8ve.png": "/r/synspr%F8ve.png",
    "/r/synsprøve.png".encode(): "/r/synspr%C3%B8ve.png",
    b"signed.png?s=a%2Fb%3D": "/from/signed.png?s=a%2Fb%3D",
    b"../up%7E.png": "/up%7E.png",
    b"?only=query%2F": "/from/7?only=query%2F",
    b"/r/blue mug.png": "/r/blue%20mug.png",
    b"/r/%c3%bc|[1];+.png#part": "/r/%c3%bc|[1];+.png",
    b"//AUTHORITY/r/host.png": "/r/host.png",
    b"HTTP://user:word@AUTHORITY/r/case.png?": "/r/case.png?",
}
"""Location -> target of the request that follows it, from ``/from/N``."""

IMAGE = make_image("PNG")


class _Store(ThreadingHTTPServer):
    """Answers the targets that it knows, byte for byte, and 403 to every other."""

    daemon_threads = True

    def __init__(self, known: frozenset[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.known = known
        self.locations: dict[str, bytes] = {}
        self.refused: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Store

    def do_GET(self) -> None:
        target = self.requestline.split(" ")[1]  # ``path`` loses a second slash at the start
        location = self.server.locations.get(target)
        if location is not None:
            self.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
            return
        if target not in self.server.known:
            self.server.refused.append(target)
        self.send_response(200 if target in self.server.known else 403)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(known: frozenset[str]) -> Iterator[_Store]:
    with _Store(known) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(server: _Store, references: list[str]) -> dict[str, FetchResult]:
    """Fetch references as a page of the server would publish them."""
    place = f"127.0.0.1:{server.server_port}"

    async def ask() -> dict[str, FetchResult]:
        run = DownloadRun(SETTINGS, "m5data-test", frozenset({place}))
        async with MediaSession(run) as session:
            fetcher = Fetcher(session, run, ByteBudget(10_000_000), utc_now)
            found = {one: absolute(f"http://{place}/shop/page", one) for one in references}
            return {one: await fetcher.fetch(DownloadJob(url or "", "image")) for one, url in found.items()}

    return asyncio.run(ask())


def test_every_published_spelling_is_fetched() -> None:
    published = [*AS_PUBLISHED, *AS_BROWSERS_ESCAPE]
    with serving(frozenset((*AS_PUBLISHED, *AS_BROWSERS_ESCAPE.values()))) as server:
        results = fetch(server, published)
        assert server.refused == []
    assert len(results) == len(published) >= 40
    assert {name: result.reason for name, result in results.items() if result.reason} == {}


def test_every_redirect_leads_where_a_browser_goes() -> None:
    with serving(frozenset(AS_REDIRECTED.values())) as server:
        place = f"127.0.0.1:{server.server_port}".encode()
        for number, location in enumerate(AS_REDIRECTED, 3):
            server.locations[f"/from/{number}"] = location.replace(b"AUTHORITY", place)
        results = fetch(server, list(server.locations))
        assert server.refused == []
    assert {name: result.reason for name, result in results.items() if result.reason} == {}
