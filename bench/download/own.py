"""m5data's side of the comparison: a server of images, a workspace that needs them, and ``m5data download``."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from bench.store.timing import Run, run_command
from core.stage import StageReport
from storage.tables import TABLES
from workspace import Workspace

__all__ = ["download", "serving", "want"]

HOSTS = [f"127.0.0.{number}" for number in range(1, 5)]
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {scratch}/pid;
error_log {scratch}/errors;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {scratch};
    server {{ {listen} root {root}; }}
}}
"""


@contextmanager
def serving(folder: Path) -> Iterator[list[str]]:
    """Serve ``folder`` and yield its URLs, each without a trailing slash.

    Raises:
        SystemExit: nginx is not installed or does not start.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise SystemExit("nginx is not installed on this machine. Run apt-get install nginx.")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with TemporaryDirectory() as scratch:
        configuration = Path(scratch) / "nginx.conf"
        _let_others_read(folder, Path(scratch))
        listen = " ".join(f"listen {host}:{port} backlog=1024;" for host in HOSTS)
        configuration.write_text(_CONFIGURATION.format(scratch=scratch, root=folder.resolve(), listen=listen))
        with subprocess.Popen([program, "-c", str(configuration)]) as process:
            try:
                _wait(port)
                yield [f"http://{host}:{port}" for host in HOSTS]
            finally:
                process.terminate()


def _let_others_read(*folders: Path) -> None:
    """Make folders readable for nginx's workers, which drop their rights."""
    for folder in folders:
        folder.chmod(0o755)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("nginx: no open port within 10 s")


SETTINGS = """
[sources.bench]
start = [{starts}]
crawl_authorised = true
local = true

[download]
per_host = 64
min_success = 1.0
"""
"""The source is local, so that its rate has no limit, with as many connections as the peer has threads."""


def want(folder: Path, urls: Sequence[str]) -> None:
    """Create a workspace with one pending image per product, as the preceding stage would have written it."""
    homes = sorted({"/".join(url.split("/", 3)[:3]) for url in urls})
    workspace = Workspace.create(folder, SETTINGS.format(starts=", ".join(f'"{home}/"' for home in homes)))
    count = len(urls)
    known = {
        "product_id": [f"bench:{number:07}" for number in range(count)],
        "kind": ["image"] * count,
        "position": [0] * count,
        "url": list(urls),
        "state": ["pending"] * count,
        "attempts": [0] * count,
    }
    schema = TABLES["media"].schema
    missing = {name: [None] * count for name in schema.names if name not in known}
    with workspace.store.stage("records", settings="synthetic") as stage:
        stage.write("media", pa.table(known | missing, schema=schema))
        stage.commit(StageReport("records", count, count))


def download(folder: Path) -> Run:
    """Run ``m5data download`` in a separate process; it fails unless all images are downloaded."""
    return run_command(["download", "-w", str(folder), "--json"])
