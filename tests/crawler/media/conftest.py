"""Minimal synthetic media of each kind, made by real encoders, and a server for them."""

import hashlib
import io
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
import pyarrow as pa
import pytest
from av.video.stream import VideoStream
from PIL import Image

from core.stage import StageReport
from storage import Store
from storage.tables import TABLES

MakeImage = Callable[..., bytes]
MakeClip = Callable[..., bytes]


@cache
def make_image(form: str, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 60, 20)).save(buffer, form, **options)
    return buffer.getvalue()


@cache
def make_clip(form: str, codec: str, size: tuple[int, int] = (64, 48), seconds: int = 2) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=5)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for grey in range(seconds * 5):
            picture = np.full((size[1], size[0], 3), grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def image() -> MakeImage:
    return make_image


@pytest.fixture(scope="session")
def clip() -> MakeClip:
    return make_clip


_SPAN = re.compile(r"bytes=(\d+)-(\d+)")


class MediaServer(ThreadingHTTPServer):
    """A well-behaved server on loopback: path -> body, status (0: no response) or redirect target; counts requests."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content: dict[str, bytes | int | str] = {}
        self.requests: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.referers: dict[str, str | None] = {}
        self.retry_after: str | None = None
        self.seconds = 0.0
        self.most = 0
        self._busy = 0
        self._mutex = threading.Lock()
        self.robots_tags: dict[str, list[str]] = {}
        self.usage: dict[str, str] = {}
        self.ranges = False
        """Whether requests for a part of a file are answered with it."""

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Track the most concurrent requests; each takes ``seconds``."""
        with self._mutex:
            self._busy += 1
            self.most = max(self.most, self._busy)
        try:
            time.sleep(self.seconds)
            yield
        finally:
            with self._mutex:
                self._busy -= 1

    def handle_error(self, *args: object) -> None:
        """Ignore errors: some tests kill clients, which then hang up."""

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.authority}{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MediaServer

    def do_GET(self) -> None:
        with self.server.counted():
            self._answer()

    def _answer(self) -> None:
        self.server.requests[self.path] += 1
        self.server.agents.add(self.headers["User-Agent"])
        self.server.referers[self.path] = self.headers["Referer"]
        found = self.server.content.get(self.path, 404)
        if found == 0:
            self.close_connection = True
            return
        body = found if isinstance(found, bytes) else b""
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        known = 304 if self.headers["If-None-Match"] == etag else 200
        status = found if isinstance(found, int) else 302 if isinstance(found, str) else known
        span = _SPAN.fullmatch(self.headers["Range"] or "") if self.server.ranges and status == 200 else None
        if span:
            body = body[int(span[1]) : int(span[2]) + 1]
            status = 206 if body else 416
        self.send_response(status)
        if span and status == 206:
            self.send_header("Content-Range", f"bytes {span[1]}-{span[2]}/*")
        if status == 200:
            self.send_header("ETag", etag)
            for tag in self.server.robots_tags.get(self.path, ()):
                self.send_header("X-Robots-Tag", tag)
            if self.path in self.server.usage:
                self.send_header("Content-Usage", self.server.usage[self.path])
        if isinstance(found, str):
            self.send_header("Location", found)
        if status == 503 and self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.send_header("Content-Length", str(len(body) if status in (200, 206) else 0))
        self.end_headers()
        if status in (200, 206):
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[MediaServer]:
    with MediaServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with serving() as server:
        yield server


@pytest.fixture
def other_server() -> Iterator[MediaServer]:
    with serving() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "workspace", buckets=2)


Want = Callable[..., None]


def name_media(
    store: Store,
    *rows: tuple[str, str, int, str],
    placeholders: Collection[str] = (),
    pages: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the table ``media`` as the records stage would, from rows of (product, kind, position, url).

    URLs in ``placeholders`` are dropped as placeholders; ``pages`` are the URLs of products, by id.
    """
    names = ("product_id", "kind", "position", "url")
    pending = {"state": "pending", "attempts": 0}
    dropped = {"state": "dropped", "reason": "placeholder", "attempts": 0}
    media = [dict(zip(names, row, strict=True)) | (dropped if row[3] in placeholders else pending) for row in rows]
    with store.stage("records", settings="") as stage:
        stage.write("media", pa.Table.from_pylist(media, schema=TABLES["media"].schema))
        if pages:
            products = [
                {
                    "product_id": name,
                    "source": "s",
                    "native_id": name,
                    "url": url,
                    "category": [],
                    "caption": name,
                    "masked": 0,
                }
                | dict.fromkeys(("first_seen", "last_seen"), datetime(2026, 1, 1, tzinfo=UTC))
                for name, url in pages.items()
            ]
            stage.write("products", pa.Table.from_pylist(products, schema=TABLES["products"].schema))
        stage.commit(StageReport("records", len(rows), len(rows)))


@pytest.fixture
def want(store: Store) -> Want:
    """Return ``name_media`` bound to the store."""
    return partial(name_media, store)
