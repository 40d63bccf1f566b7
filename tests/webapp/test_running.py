"""The URL of a running server is found by other programs."""

import json
import subprocess
import sys
from pathlib import Path

from webapp.running import running_url, server_file

URL = "http://127.0.0.1:8901"


def test_url_is_known_while_the_server_runs(tmp_path: Path) -> None:
    assert running_url(tmp_path) is None
    with server_file(tmp_path, URL):
        assert running_url(tmp_path) == URL
    assert running_url(tmp_path) is None


def test_file_of_a_killed_server_is_ignored(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "serve.json").write_text(json.dumps({"url": URL, "process": ended.pid}))
    assert running_url(tmp_path) is None
    (tmp_path / "logs" / "serve.json").write_text("{")
    assert running_url(tmp_path) is None
