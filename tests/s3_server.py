"""A moto S3 server in its own process, which outlives killed runs: ``python -m tests.s3_server``.

The process prints its URL, and ends when its standard input is closed, at the latest when its parent ends.
"""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[1]
_END_SECONDS = 20.0


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


@contextmanager
def serving_s3() -> Iterator[dict[str, str]]:
    """Serve S3 while the context lasts; yield environment variables for its clients."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.s3_server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield {
            "AWS_ACCESS_KEY_ID": "synthetic",
            "AWS_SECRET_ACCESS_KEY": "synthetic",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": process.stdout.readline().strip(),
        }
    finally:
        process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def make_bucket(environment: dict[str, str], name: str) -> None:
    """Create a bucket on the server that the environment names."""
    request = urllib.request.Request(f"{environment['AWS_ENDPOINT_URL_S3']}/{name}", method="PUT")
    urllib.request.urlopen(request).close()


if __name__ == "__main__":
    main()
