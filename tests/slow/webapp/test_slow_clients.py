"""With 1,000 slow and 1,000 honest connections at once, the honest ones are answered and the slow ones are closed.

A slow client opens a connection and sends nothing, or a byte of its request every 0.2 s. An honest one sends a request
at once and reads the answer. All run in one process, alongside ``m5data serve``. ``M5DATA_P95`` is the maximum wait in
seconds of 95 % of the honest ones: 0.2 on an otherwise idle machine.
"""

import asyncio
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.webapp.served import Served
from workspace import Workspace

SLOW = HONEST = 1000
SECONDS = 60.0
"""Duration of the slow connections, far longer than the deadline of a request, which is 10 s."""
BURST_S = 4.0
"""Time in which all honest clients send their requests."""
P95_S = float(os.environ.get("M5DATA_P95", "30"))
_REQUEST = b"GET /static/icon.svg HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"


async def _slow(host: str, port: int, kind: int, ended: Counter[str]) -> None:
    """Hold a connection for as long as the server allows."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        ended["refused"] += 1
        return
    try:
        async with asyncio.timeout(SECONDS):
            for byte in _REQUEST * 100:
                if kind:
                    writer.write(bytes([byte if byte != 10 else 32]))
                    await writer.drain()
                await asyncio.sleep(0.2)
                if reader.at_eof():
                    ended["closed"] += 1
                    return
    except TimeoutError:
        ended["held"] += 1
    except OSError:
        ended["closed"] += 1
    finally:
        writer.close()


async def _honest(host: str, port: int, at: float, seconds: list[float], ended: Counter[str]) -> None:
    await asyncio.sleep(at)
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(_REQUEST)
        said = await asyncio.wait_for(reader.read(), 30)
        writer.close()
    except (OSError, TimeoutError) as error:
        ended[type(error).__name__] += 1
        return
    ended[said[9:12].decode() or "nothing"] += 1
    seconds.append(time.perf_counter() - began)


async def _storm(host: str, port: int) -> tuple[list[float], Counter[str], Counter[str]]:
    slow: Counter[str] = Counter()
    honest: Counter[str] = Counter()
    seconds: list[float] = []
    async with asyncio.TaskGroup() as group:
        for number in range(SLOW):
            group.create_task(_slow(host, port, number % 2, slow))
        await asyncio.sleep(1)  # until all of them hold a connection
        for number in range(HONEST):
            group.create_task(_honest(host, port, number * BURST_S / HONEST, seconds, honest))
    return sorted(seconds), honest, slow


@pytest.mark.timeout(300)
def test_slow_clients_do_not_keep_honest_ones_waiting(tmp_path: Path) -> None:
    root = Workspace.create(tmp_path / "shop").root
    with (root / "m5data.toml").open("a") as file:
        file.write("\n[serve]\nrequests_per_s = 100000\nburst = 100000\n")
    with Served(root) as server:
        host, port = server.url.removeprefix("http://").split(":")
        seconds, honest, slow = asyncio.run(_storm(host, int(port)))
    p95 = seconds[int(len(seconds) * 0.95)]
    print(f"honest: {dict(honest)}, p50 {seconds[len(seconds) // 2]:.3f} s, p95 {p95:.3f} s; slow: {dict(slow)}")
    assert honest["200"] == HONEST
    assert slow["held"] == 0
    assert p95 <= P95_S
