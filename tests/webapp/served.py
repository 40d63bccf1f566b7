"""A server in a separate process, which a test may kill at any moment and restart."""

import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.sync_api import Page

PROGRAM = Path(sys.executable).parent / "m5data"


class Served:
    """``m5data serve`` of a workspace, always on the same port."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._port = "0"
        self.url = ""
        self.owner_link = ""
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self._reader = threading.Thread()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Start the server; return once it listens."""
        command = [str(PROGRAM), "serve", "-w", str(self._workspace), "--port", self._port]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("serving http://"), said + self._process.stdout.read()
        self.url = said.split()[1]
        self.owner_link = self._process.stdout.readline().partition("sign in: ")[2].strip()
        self._port = self.url.rpartition(":")[2]
        # Read continuously: a server whose pipe is full waits for its reader and answers nobody.
        self._said = []
        self._reader = threading.Thread(target=self._said.extend, args=[self._process.stdout])
        self._reader.start()

    def end(self) -> str:
        """Stop the server gracefully; return its output since it began to listen."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=60)
        self._forget()
        return "".join(self._said)

    def kill(self) -> None:
        """Kill the server, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _forget(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        if self._reader.is_alive():
            self._reader.join()
        self._process.stdout.close()
        self._process = None


def open_link(page: Page, address: str, token: str, landing: str) -> None:
    """Open a personal link, press its button by keyboard, and wait for the page that it leads to."""
    page.goto(f"{address}/in/{token}")
    page.wait_for_function("() => document.activeElement.tagName === 'BUTTON'")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{landing}")
