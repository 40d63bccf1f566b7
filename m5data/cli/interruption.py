"""Ctrl-C: one line and the exit code that shells expect, wherever in the work it comes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["INTERRUPTED", "Interruption", "interruption"]

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a program that Ctrl-C ended."""


class Interruption:
    """Whether Ctrl-C was pressed: libraries turn the ``KeyboardInterrupt`` it raises into errors of their own."""

    def __init__(self) -> None:
        self.seen = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal, then interrupt as Python does."""
        self.seen = True
        signal.default_int_handler(number, frame)


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Watch for Ctrl-C while the context lasts."""
    watched = Interruption()
    before = signal.signal(signal.SIGINT, watched.note)
    try:
        yield watched
    finally:
        signal.signal(signal.SIGINT, before)
