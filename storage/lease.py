"""The lease that allows one writer among all machines: an object that only one of them can create."""

import json
import logging
import os
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname
from typing import Any

from core.errors import M5DataError, WorkspaceError
from core.small_files import check, parse_json
from core.stage import Clock, utc_now
from storage.location import ObjectStore

__all__ = ["LEASE", "STALE_AFTER", "Holder", "Lease"]

LEASE = ".m5data/lease.json"
STALE_AFTER = timedelta(minutes=10)
"""Time without renewal after which a lease may be taken over. Clocks of machines may differ by minutes: a writer that
wrongly loses its lease still cannot overwrite the other's work, because it replaces only objects that it knows."""
_RENEW_SECONDS = 60.0
_TRIES = 3
_LARGEST = 1 << 16
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a lease."""

    host: str
    machine: str
    """Boot of the machine and namespace of its processes; empty: unknown."""
    process: int
    began: str
    """Start time of the process in the kernel's ticks, because process ids are reused."""
    token: str
    """Token of the working copy that holds it; empty: none does."""
    renewed: str
    """Time of the last renewal, UTC."""

    def is_gone(self, now: datetime) -> bool:
        """Return whether the lease may be taken: it is free, was not renewed, or its process here has ended."""
        if not self.token:
            return True
        if self.machine and self.machine == _machine() and _began(self.process) != self.began:
            return True
        return now - datetime.fromisoformat(self.renewed) > STALE_AFTER


class Lease:
    """The right to write to a workspace, renewed by a thread while it is held."""

    def __init__(self, place: ObjectStore, token: str, clock: Clock = utc_now) -> None:
        """Create a lease that is not held yet.

        Args:
            place: Object store of the workspace.
            token: Token of the working copy, which one process uses at a time: an unreleased lease with it is its own.
            clock: Source of times.
        """
        self._place = place
        self._token = token
        self._clock = clock
        self._held: tuple[Holder, str] | None = None
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> None:
        """Take the lease.

        Raises:
            WorkspaceError: Another process, here or on another machine, holds it.
        """
        mine = Holder(gethostname(), _machine(), os.getpid(), _began(os.getpid()), self._token, self._now().isoformat())
        for _ in range(_TRIES):
            tag = self._place.create(LEASE, _encode(mine)) or self._take_over(mine)
            if tag is not None:
                self._held, self._ended = (mine, tag), threading.Event()
                self._thread = threading.Thread(target=self._renew, args=(self._ended,), daemon=True)
                self._thread.start()
                return
        raise WorkspaceError(_held_by(self._place.url, self._holder()))

    def confirm(self) -> None:
        """Renew the lease, so that nobody takes it over within the next minutes.

        Raises:
            WorkspaceError: Another machine has taken it over.
        """
        with self._mutex:
            if self._held is None:
                return
            mine, tag = self._held
            renewed = self._place.replace(LEASE, _encode(replace(mine, renewed=self._now().isoformat())), tag)
            if renewed is None:
                raise WorkspaceError(
                    f"{self._place.url}: another machine has taken over this workspace, because this one was not heard "
                    "of for long. Run the command again."
                )
            self._held = mine, renewed

    def drop(self) -> None:
        """Release the lease; its object stays, because a repeated removal could remove another machine's lease."""
        held = self.abandon()
        if held is not None:
            self._place.replace(LEASE, _encode(replace(held[0], token="")), held[1])

    def abandon(self) -> tuple[Holder, str] | None:
        """Stop renewing the lease, and return it; this working copy may take it again at once."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        held, self._held = self._held, None
        return held

    def is_own(self) -> bool:
        """Return whether the lease is this working copy's, held or left behind by a killed run."""
        now = self._holder()
        return now is not None and now.token == self._token

    def _take_over(self, mine: Holder) -> str | None:
        """Take the lease of a holder that is gone, and return its tag; None: it is held, or was just released."""
        entry, other = self._place.entry(LEASE), self._holder()
        if entry is None or other is None or not (other.token == self._token or other.is_gone(self._now())):
            return None
        return self._place.replace(LEASE, _encode(mine), entry.etag)

    def _holder(self) -> Holder | None:
        data = self._place.read_range(LEASE, 0, _LARGEST + 1)
        if data is None:
            return None
        return parse_json(
            data, _decode, f"{self._place.url}/{LEASE}", "Remove it if no run writes there.", largest=_LARGEST
        )

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(_RENEW_SECONDS):
            try:
                self.confirm()
            except M5DataError as error:
                _LOG.warning("the lease was not renewed: %s", error)

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)


def _held_by(url: str, holder: Holder | None) -> str:
    who = "another machine"
    if holder is not None:
        minutes = int(STALE_AFTER.total_seconds() // 60)
        who = (
            f"process {holder.process} of {holder.host} (last heard of {holder.renewed}; lost after {minutes} minutes)"
        )
    return f"{url}: another run, {who}, writes to this workspace. Wait until it ends; reading is possible meanwhile."


def _decode(data: Any) -> Holder:  # noqa: ANN401 - JSON
    """Return the holder in JSON; a value of another kind is a ``ValueError``."""
    holder = Holder(**data)
    for name in ("host", "machine", "began", "token", "renewed"):
        check(getattr(holder, name), str, name)
    check(holder.process, int, "process")
    if datetime.fromisoformat(holder.renewed).tzinfo is None:
        raise ValueError("renewed has no time zone")
    return holder


def _encode(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _machine() -> str:
    """Return a name for this boot of this machine and the namespace of its process ids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _began(process: int) -> str:
    """Return the start time of a process on this machine, in the kernel's ticks; empty: no such process."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
