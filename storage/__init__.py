"""The room ``storage``: tables, objects, state and dataset versions of a workspace.

store = Store.open(root)
with store.stage("dedup", settings=digest, reads=["products"]) as stage:
    stage.write("duplicates", table)
    stage.commit(report)
store.snapshot().sql("SELECT count(*) FROM products")
"""

from storage.children import die_with_parent, enter_child, waited_for
from storage.objects.reader import ObjectProblem, Objects
from storage.objects.warc import StoredPage
from storage.objects.writer import ObjectWriter
from storage.stage import Spool, Stage
from storage.state import ObjectRef, State
from storage.store import Store
from storage.versions import Snapshot, StageRecord

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
