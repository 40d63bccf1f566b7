"""A loopback server that does everything wrong, which the downloader must survive."""

from tests.misbehaving.fault import Fault
from tests.misbehaving.server import FAULTS, MisbehavingServer

__all__ = ["FAULTS", "Fault", "MisbehavingServer"]
