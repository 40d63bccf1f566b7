"""A server that does everything wrong, on loopback: what the downloader must survive."""

from m5data.demo.misbehaving.fault import Fault
from m5data.demo.misbehaving.faults import FAULTS
from m5data.demo.misbehaving.server import MisbehavingServer

__all__ = ["FAULTS", "Fault", "MisbehavingServer"]
