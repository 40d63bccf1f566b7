"""The room ``storage``: tables, objects, state and dataset versions of a workspace.

store = Store.open(root)
with store.stage("dedup", settings=digest, reads=["products"]) as stage:
    stage.write("duplicates", table)
    stage.commit(report)
store.snapshot().sql("SELECT count(*) FROM products")
"""

from storage.children import die_with_parent, enter_child, waited_for
from storage.object_index import ObjectRef
from storage.object_writer import ObjectWriter
from storage.objects import Objects
from storage.snapshot import Snapshot
from storage.spool import Spool
from storage.stage import Stage
from storage.state import State
from storage.store import Store
from storage.verify import ObjectProblem
from storage.versions import StageRecord
from storage.warc import StoredPage

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
    "die_with_parent",
    "enter_child",
    "waited_for",
]
