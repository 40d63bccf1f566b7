"""One writer over all machines: an object that only one of them can create."""

import json
import logging
import os
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname

from m5data.errors import M5DataError, WorkspaceError
from m5data.stage import Clock, utc_now
from storage.remote.manifest import LISTS
from storage.remote.object_store import ObjectStore

__all__ = ["LEASE", "STALE_AFTER", "Holder", "Lease"]

LEASE = f"{LISTS}/lease.json"
STALE_AFTER = timedelta(minutes=10)
"""A lease that was not renewed for so long may be taken over. Clocks of machines may differ by minutes: a writer that
loses its lease wrongly still cannot overwrite the other's work, because the lists prevent it."""
_RENEW_SECONDS = 60.0
_TRIES = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a lease."""

    host: str
    machine: str
    """Boot of the machine and namespace of its processes; empty: unknown."""
    process: int
    began: str
    """When the process began, in the kernel's count: process ids are reused."""
    token: str
    renewed: str
    """Time of the last renewal, UTC."""

    def is_gone(self, now: datetime) -> bool:
        """Return whether the lease may be taken over: its process ended on this machine, or did not renew it."""
        if self.machine and self.machine == _machine() and _began(self.process) != self.began:
            return True
        return now - datetime.fromisoformat(self.renewed) > STALE_AFTER


class Lease:
    """The right to write to a workspace, renewed by a thread while it is held."""

    def __init__(self, store: ObjectStore, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._held: Holder | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> bool:
        """Take the lease, and return whether it was taken over from a dead holder.

        Raises:
            WorkspaceError: Another process, here or on another machine, holds it.
        """
        mine = Holder(
            gethostname(), _machine(), os.getpid(), _began(os.getpid()), secrets.token_hex(8), self._now().isoformat()
        )
        taken_over = False
        for _ in range(_TRIES):
            made = self._store.create(LEASE, _encode(mine))
            other = self._holder()
            if made or (other is not None and other.token == mine.token):  # the answer to a first try may be lost
                self._hold(mine)
                return taken_over
            if other is not None and not other.is_gone(self._now()):
                break
            taken_over = True
            self._store.remove([LEASE])
        raise WorkspaceError(_held_by(self._store.url, self._holder()))

    def drop(self) -> None:
        """Release the lease."""
        held, self._held = self._held, None
        if held is None:
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._is_still(held):
            self._store.remove([LEASE])

    def _hold(self, mine: Holder) -> None:
        self._held, self._ended = mine, threading.Event()
        self._thread = threading.Thread(target=self._renew, args=(mine, self._ended), daemon=True)
        self._thread.start()

    def _renew(self, mine: Holder, ended: threading.Event) -> None:
        while not ended.wait(_RENEW_SECONDS):
            try:
                if not self._is_still(mine):
                    _LOG.warning("%s: another machine has taken over the lease of this workspace", self._store.url)
                    return
                self._store.write(LEASE, _encode(replace(mine, renewed=self._now().isoformat())))
            except M5DataError as error:
                _LOG.warning("the lease was not renewed: %s", error)

    def _is_still(self, mine: Holder) -> bool:
        now = self._holder()
        return now is not None and now.token == mine.token

    def _holder(self) -> Holder | None:
        data = self._store.read(LEASE)
        try:
            return None if data is None else Holder(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise WorkspaceError(f"{self._store.url}/{LEASE}: damaged ({error}). Remove it.") from error

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
    """Return when a process of this machine began, in the kernel's count; empty: no such process."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
