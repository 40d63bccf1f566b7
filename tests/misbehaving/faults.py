"""All faults, by name."""

from tests.misbehaving.answers import ANSWER_FAULTS
from tests.misbehaving.content import CONTENT_FAULTS
from tests.misbehaving.fault import Fault
from tests.misbehaving.transport import TRANSPORT_FAULTS

__all__ = ["FAULTS"]

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*CONTENT_FAULTS, *TRANSPORT_FAULTS, *ANSWER_FAULTS)}
"""Name, which is also the path, -> fault."""
