"""Messages between a run and its pool of processes: JSON and plain bytes, nothing that could be code."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

__all__ = ["Fault", "Json", "Message", "receive", "send"]

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

_HEAD_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """A small JSON head and larger binary bodies."""

    head: Mapping[str, Json]
    bodies: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason why a job has no result."""

    reason: str
    """One word: ``crashed``, ``memory``, ``output_limit``, ``timeout``, or one of the room that sent the job."""
    detail: str = ""
    """One line for a person."""


def send(connection: "Connection[bytes, bytes]", message: Message) -> None:
    """Write a message.

    Raises:
        OSError: The other side has closed.
    """
    head = {"head": message.head, "bodies": len(message.bodies)}
    connection.send_bytes(json.dumps(head).encode())
    for body in message.bodies:
        connection.send_bytes(body)


def receive(connection: "Connection[bytes, bytes]", limit: int) -> Message:
    """Read a message whose bodies have at most ``limit`` bytes together.

    Raises:
        EOFError: The other side has closed.
        OSError: Likewise, or a part is too long; the connection cannot be used any more.
        ValueError: The head is malformed.
    """
    head = json.loads(connection.recv_bytes(_HEAD_BYTES))
    if not isinstance(head, dict) or not isinstance(head.get("head"), dict) or not isinstance(head.get("bodies"), int):
        raise ValueError("the message has no head or no number of bodies")  # noqa: TRY004 - wrong data, not a wrong call
    bodies: list[bytes] = []
    for _ in range(head["bodies"]):
        bodies.append(connection.recv_bytes(max(limit, 1)))
        limit -= len(bodies[-1])
    return Message(head["head"], tuple(bodies))
