from .children import Child, ProgramError, die_with_parent, run_children, run_program
from .lock import enter_child
from .objects.index import ObjectRef
from .objects.reader import ObjectProblem, Objects
from .objects.warc import StoredPage
from .objects.writer import ObjectWriter
from .spool import Spool
from .stage import Stage, WorkWaitsError, looking
from .state import State, execute_rows, transaction
from .store import Store
from .versions import Snapshot, StageRecord

__all__ = [
    "Child",
    "ObjectProblem",
    "ObjectRef",
    "ObjectWriter",
    "Objects",
    "ProgramError",
    "Snapshot",
    "Spool",
    "Stage",
    "StageRecord",
    "State",
    "Store",
    "StoredPage",
    "WorkWaitsError",
    "die_with_parent",
    "enter_child",
    "execute_rows",
    "looking",
    "run_children",
    "run_program",
    "transaction",
]
