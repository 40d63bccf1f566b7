import os
import signal
import socket
import sys
from pathlib import Path

from core.processes.message import Message

__all__ = ["misbehave"]


def misbehave(kind: str, data: bytes) -> Message:
    """Misbehave in the way that ``kind`` names."""
    match kind:
        case "echo":
            return Message({"size": len(data), "pid": os.getpid()}, (data, data[::-1]))
        case "hang":
            signal.pause()
        case "abort":
            os.kill(os.getpid(), signal.SIGABRT)
        case "exit":
            os._exit(3)
        case "memory":
            return Message({"size": len(bytearray(1 << 40))})
        case "much":
            return Message({}, (bytes(1 << 20), bytes(1 << 20)))
        case "nonsense":
            sys.stdout.flush()
            write_nonsense()
        case "threads":
            return Message({name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")})
        case "write":
            Path(data.decode()).write_bytes(bytes(8 << 20))
    return Message({})


def write_nonsense() -> None:
    """Write bytes that are not a valid header to the parent's connection."""
    for path in Path("/proc/self/fd").iterdir():
        try:
            connection = socket.socket(fileno=os.dup(int(path.name)))
        except OSError:
            continue
        if connection.family == socket.AF_UNIX:
            connection.sendall(b"\x00\x00\x00\x04{[}]")
