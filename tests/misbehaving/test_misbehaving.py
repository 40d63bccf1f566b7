"""The misbehaving server against the downloader: every fault ends in its named state, in bounded time and memory."""

import asyncio
import datetime as dt
import resource
import ssl
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.stage import StageReport
from crawler.download_stage import run
from crawler.media.outcome import REASONS, state_of
from crawler.settings import DownloadSettings
from storage import Store
from storage.tables import TABLES
from tests.misbehaving import FAULTS, MisbehavingServer

LIMITS = DownloadSettings(
    per_host=32,
    attempts=2,
    backoff_s=0.01,
    max_wait_s=0.05,
    connect_timeout_s=1,
    read_timeout_s=1,
    image_timeout_s=2,
    video_timeout_s=2,
    max_image_bytes=4_000_000,
    host_failures=100,
)
PATIENT = LIMITS.model_copy(
    update=dict.fromkeys(("connect_timeout_s", "read_timeout_s", "image_timeout_s", "video_timeout_s"), 120)
)
"""Limits for faults that must not time out, however busy the machine is."""
STATES: dict[str | None, str] = {reason: state_of(reason) for reason in (None, *REASONS)}
ELSEWHERE: dict[str, str | None] = {
    "http://127.0.0.1:9/a.jpg": "private_address",
    "http://[::1]/a.jpg": "private_address",
    "http://169.254.169.254/a.jpg": "private_address",
    "ftp://shop.example/a.jpg": "bad_scheme",
    "data:image/png;base64,AA==": "bad_scheme",
    "http://": "bad_url",
    "no address": "bad_url",
}


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as server:
        yield server


def store_with(folder: Path, media: Sequence[tuple[str, str]]) -> Store:
    store = Store.create(folder / "workspace", buckets=1)
    rows = [
        {"product_id": f"shop:{n:03}", "kind": kind, "position": 0, "url": url, "state": "pending", "attempts": 0}
        for n, (url, kind) in enumerate(media)
    ]
    with store.stage("records", settings="") as stage:
        stage.write("media", pa.Table.from_pylist(rows, schema=TABLES["media"].schema))
        stage.commit(StageReport("records", len(rows), len(rows)))
    return store


@pytest.mark.parametrize("slow", [False, True], ids=["answers", "timeouts"])
def test_every_fault_ends_in_its_named_state(server: MisbehavingServer, tmp_path: Path, slow: bool) -> None:  # noqa: FBT001
    with Untrusted() as untrusted:
        wanted = {server.url(name): fault.reason for name, fault in FAULTS.items()} | ELSEWHERE
        wanted[f"https://{server.authority}/plain-image"] = "bad_tls"
        wanted[untrusted.url] = "bad_tls"
        wanted = {url: reason for url, reason in wanted.items() if (reason == "timeout") == slow}
        limits = LIMITS if slow else PATIENT
        kinds = {server.url(name): fault.kind for name, fault in FAULTS.items()}
        store = store_with(tmp_path, [(url, kinds.get(url, "image")) for url in wanted])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        local = {server.authority, untrusted.authority}
        report = run(store, limits, local_hosts=local)

        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200 * 1024
        rows = store.snapshot().table("media").to_pylist()
        assert {row["url"]: row["reason"] for row in rows} == wanted
        assert all(row["state"] == STATES[row["reason"]] for row in rows)
        assert (report.read, report.kept) == (len(wanted), sum(reason is None for reason in wanted.values()))

        failed = {url for url, reason in wanted.items() if STATES[reason] == "failed"}
        server.requests.clear()
        run(store, limits, local_hosts=local, retry_failed=True)
        paths = {f"/{url.rpartition('/')[2]}" for url in failed if url.startswith(server.url(""))}
        asked = {path.rstrip("x") for path in server.requests}
        assert asked == paths - {"/429-for-long"}, "that one asked for an hour"


def test_the_faults_are_many_and_their_reasons_known() -> None:
    assert sum(fault.reason is not None for fault in FAULTS.values()) >= 50
    assert {fault.reason for fault in FAULTS.values()} - {None} <= set(REASONS)
    assert all(fault.meaning for fault in FAULTS.values())


class Untrusted:
    """A server with a self-signed certificate."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=_self_signed())
        )
        self.authority = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.url = f"https://{self.authority}/plain-image"
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()


def _self_signed() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return _context(certificate, key)


def _context(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.flush()
        context.load_cert_chain(file.name)
    return context
