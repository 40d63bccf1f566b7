"""Child processes: Python functions and programs that report to this process, have deadlines, and end with it.

A spawned function reports over a pipe:

    with Child(crawl, job, name="crawl-shoes") as child:
        for visits in child.messages(silent_s=1800):
            progress.advance(visits)

``run_children`` runs several at a time; ``run_program`` runs a program to its end.
"""

import gc
import multiprocessing
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from types import MappingProxyType, TracebackType
from typing import IO, Any, Self

from core.errors import DataError

__all__ = ["Child", "ProgramError", "die_with_parent", "exit_when_closed", "run_children", "run_program"]

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_TAIL_BYTES = 2000
"""Bytes from the end of a program's standard error that its ``ProgramError`` shows."""


class Child:
    """A function in a spawned process, with one pipe between it and this process; ended by ``end`` or a ``with`` block.

    Args:
        target: Called as ``target(*arguments, pipe)``; importable from its module.
        arguments: Picklable values.
        name: Name of the process.
        duplex: Messages also go to the child.
        group: The child leads a process group, which ends with it: for children that start programs themselves.
    """

    def __init__(
        self, target: Callable[..., None], *arguments: object, name: str, duplex: bool = False, group: bool = False
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.name = name
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe(duplex=duplex)
        self._group = group
        # not a daemon, because daemons may not have children; ``die_with_parent`` ends it
        self._process = context.Process(
            target=_enter,
            args=(target, arguments, theirs),
            kwargs={"group": group, "thresholds": gc.get_threshold()},
            name=name,
            daemon=False,
        )
        self._process.start()
        theirs.close()  # otherwise this side would never see EOF

    def messages(self, silent_s: float | None = None) -> Iterator[Any]:
        """Yield what the child sends until it ends or closes its pipe.

        Args:
            silent_s: Longest time between two messages; None: no limit.

        Raises:
            TimeoutError: No message came for ``silent_s`` seconds; the child still runs.
        """
        while True:
            if not self.pipe.poll(silent_s):
                raise TimeoutError(f"{self.name}: no message for {silent_s:g} s")
            try:
                yield self.pipe.recv()
            except EOFError:
                return

    def join(self, seconds: float | None = None) -> int | None:
        """Wait for the child's end and return its exit code; None: it still runs."""
        self._process.join(seconds)
        return self._process.exitcode

    def end(self, grace_s: float = 0.0) -> int:
        """End the child, and its group, and return its exit code, negative for a signal.

        Args:
            grace_s: Seconds that it gets to end by itself after a request to terminate; 0: it is killed at once.
        """
        if grace_s:
            self._process.terminate()
            self._process.join(grace_s)
        if self._group and self._process.pid is not None:
            _kill_group(self._process.pid)
        self._process.kill()
        self._process.join()
        self.pipe.close()
        return self._process.exitcode or 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def run_children(
    starts: Iterable[Callable[[], Child]], on_message: Callable[[Any], object], *, at_once: int, silent_s: float
) -> list[str]:
    """Run children to their ends, some at a time, and return the names of those that failed, in order of failure.

    A child that sends nothing for ``silent_s`` seconds is killed and has failed. An exception here ends all children.

    Args:
        starts: Functions that each start a child.
        on_message: Called with each message, in this thread.
        at_once: Number of children that run at a time.
        silent_s: Longest time between two messages of a child.
    """
    waiting = deque(starts)
    running: dict[Connection[Any, Any], Child] = {}
    heard: dict[Connection[Any, Any], float] = {}
    failed: list[str] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                child = waiting.popleft()()
                running[child.pipe], heard[child.pipe] = child, time.monotonic()
            for pipe in [pipe for pipe in wait(list(running), timeout=silent_s) if isinstance(pipe, Connection)]:
                heard[pipe] = time.monotonic()
                try:
                    on_message(pipe.recv())
                except EOFError:
                    child = running.pop(pipe)
                    failed += [child.name] if child.join() else []
                    pipe.close()
            silent = [pipe for pipe in running if time.monotonic() - heard[pipe] >= silent_s]
            for child in [running.pop(pipe) for pipe in silent]:
                child.end()
                failed.append(child.name)
    finally:
        for child in running.values():
            child.end()
    return failed


class ProgramError(DataError):
    """A program could not be started, failed, or took too long."""

    def __init__(self, message: str, returncode: int | None) -> None:
        super().__init__(message)
        self.returncode = returncode
        """Exit code, negative for a signal; None: it was not started, or was killed at its deadline."""


def run_program(
    command: Sequence[str],
    *,
    data: bytes = b"",
    seconds: float | None = None,
    environment: Mapping[str, str] = _NO_VARIABLES,
    into: IO[bytes] | None = None,
) -> bytes:
    """Run a program to its end and return its standard output.

    It leads its own process group, so that its children are killed with it.

    Args:
        command: Program and arguments.
        data: Its standard input, which closes when this process ends, however that happens.
        seconds: Deadline; None: no limit.
        environment: Variables added to those of this process.
        into: A file that gets the standard output instead, for programs that seek in it.

    Raises:
        ProgramError: It could not be started, ended with a code other than 0, or missed its deadline.
    """
    try:
        program = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if into is None else into,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            process_group=0,
        )
    except OSError as error:
        raise ProgramError(f"{command[0]}: cannot be started: {error.strerror}.", None) from error
    with program:
        try:
            output, errors = program.communicate(data, timeout=seconds)
        except BaseException as error:
            _kill_group(program.pid)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ProgramError(f"{command[0]}: killed after {seconds:g} s.", None) from None
            raise
    if program.returncode:
        tail = errors[-_TAIL_BYTES:].decode(errors="replace").strip()
        raise ProgramError(f"{command[0]}: ended with {program.returncode}: {tail or 'no message'}", program.returncode)
    return output or b""


def die_with_parent() -> None:
    """End this process at once when its parent ends; call it first in a spawned child.

    Does nothing in a process that ``multiprocessing`` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def exit_when_closed(descriptor: int) -> None:
    """End this process at once when a socket or pipe closes at the other end, as it does when that process dies."""
    threading.Thread(target=_exit_when_closed, args=(descriptor,), daemon=True).start()


def _enter(
    target: Callable[..., None],
    arguments: Sequence[object],
    pipe: "Connection[Any, Any]",
    *,
    group: bool,
    thresholds: tuple[int, int, int],
) -> None:
    if group:
        os.setpgid(0, 0)
    gc.set_threshold(*thresholds)
    die_with_parent()
    target(*arguments, pipe)


def _exit_after(sentinel: int) -> None:
    wait([sentinel])
    _exit()


def _exit_when_closed(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)
    poll.poll()
    _exit()


def _exit() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):  # it leads no group yet, or the whole group has ended
        os.killpg(leader, signal.SIGKILL)
