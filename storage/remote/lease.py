"""One writer over all machines: an object that only one of them can make."""

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
"""A lease that was not renewed for so long is another's for the taking. Clocks of machines may differ by minutes:
whoever loses a lease all the same cannot store anything over the other's work, which the lists see to."""
_RENEW_SECONDS = 60.0
_TRIES = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease."""

    host: str
    machine: str
    """The boot of the machine and the namespace of its processes; empty: not known."""
    process: int
    began: str
    """When the process began, in the kernel's count: numbers of processes come again."""
    token: str
    renewed: str
    """When it last said so, UTC."""

    def is_gone(self, now: datetime) -> bool:
        """Tell whether the lease can be taken: its process has ended here, or has not renewed it for long."""
        if self.machine and self.machine == _machine() and _began(self.process) != self.began:
            return True
        return now - datetime.fromisoformat(self.renewed) > STALE_AFTER


class Lease:
    """The right to write to a workspace, renewed by a thread of this process while it is held."""

    def __init__(self, store: ObjectStore, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._held: Holder | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> bool:
        """Take the lease; return whether it was taken over from someone who is gone.

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
        raise WorkspaceError(_held_by(self._store.address, self._holder()))

    def drop(self) -> None:
        """Give the lease back."""
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
                    _LOG.warning("%s: another machine has taken the lease of this workspace over", self._store.address)
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
            raise WorkspaceError(f"{self._store.address}/{LEASE}: damaged ({error}); remove it") from error

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)


def _held_by(address: str, holder: Holder | None) -> str:
    who = "another machine"
    if holder is not None:
        minutes = int(STALE_AFTER.total_seconds() // 60)
        who = (
            f"process {holder.process} of {holder.host} (last heard of {holder.renewed}; lost after {minutes} minutes)"
        )
    return f"{address}: another run, {who}, writes to this workspace; wait until it ends, reading is possible meanwhile"


def _encode(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _machine() -> str:
    """Name this boot of this machine, and the namespace that numbers of processes are from."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _began(process: int) -> str:
    """Return when a process of this machine began, in the kernel's count; empty: there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
