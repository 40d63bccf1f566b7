"""The server that runs on a workspace, found by other programs through a file of its URL."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.files import replace_file

__all__ = ["running_url", "server_file"]

_FILE = Path("logs") / "serve.json"


@contextmanager
def server_file(root: Path, url: str) -> Iterator[None]:
    """Keep the URL of this process's server in the workspace while the block runs."""
    path = root / _FILE
    path.parent.mkdir(exist_ok=True)
    replace_file(path, json.dumps({"url": url, "process": os.getpid()}).encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_url(root: Path) -> str | None:
    """Return the URL of the server that runs on a workspace; None if none does on this machine."""
    try:
        found = json.loads((root / _FILE).read_bytes())
        url, process = str(found["url"]), int(found["process"])
        os.kill(process, 0)  # asks whether the process lives; a killed server leaves its file behind
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url
