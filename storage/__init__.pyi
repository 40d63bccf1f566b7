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
    "ObjectProblem",
    "ObjectRef",
    "ObjectWriter",
    "Objects",
    "Snapshot",
    "Spool",
    "Stage",
    "StageRecord",
    "State",
    "Store",
    "StoredPage",
    "WorkWaitsError",
    "enter_child",
    "execute_rows",
    "looking",
    "transaction",
]
