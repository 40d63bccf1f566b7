"""Tables, objects, state and dataset versions of a workspace.

store = Store.open(root)
with store.stage("dedup", settings=digest, reads=["products"]) as stage:
    stage.write("duplicates", table)
    stage.commit(report)
store.snapshot().sql("SELECT count(*) FROM products")
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
