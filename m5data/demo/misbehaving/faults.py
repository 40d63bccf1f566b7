"""All faults, by name."""

from m5data.demo.misbehaving.answers import ANSWER_FAULTS
from m5data.demo.misbehaving.content import CONTENT_FAULTS
from m5data.demo.misbehaving.fault import Fault
from m5data.demo.misbehaving.transport import TRANSPORT_FAULTS

__all__ = ["FAULTS"]

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*CONTENT_FAULTS, *TRANSPORT_FAULTS, *ANSWER_FAULTS)}
"""Name, which is also the path, -> fault."""
