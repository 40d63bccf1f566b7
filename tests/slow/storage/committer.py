"""A process that commits to a workspace in an object store: ``python -m tests.slow.storage.committer URL NAME COUNT``.

Each commit adds a product and an object. If another machine is writing or the store fails, it waits a little and tries
again; at the end, it prints how often that happened.
"""

import sys
import time
from contextlib import closing

import numpy as np

from core.errors import ObjectStoreError, WorkspaceError
from storage import Store
from storage.working_copy import working_copy
from tests.storage.machines import open_at
from tests.storage.synthetic import commit, products

_LONGEST_WAIT_S = 0.5


def main() -> None:
    url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    waits = np.random.default_rng([*name.encode()]).uniform(0, _LONGEST_WAIT_S, 100_000)
    refused = 0
    for number in range(count):
        while not _committed(url, f"{name}-{number}"):
            time.sleep(waits[refused])
            refused += 1
    print(f"{name}: {count} commits, {refused} times refused")


def _committed(url: str, name: str) -> bool:
    """Try once, unless an earlier try succeeded unnoticed; return whether the commit is stored."""
    try:
        store = open_at(working_copy(url))
        with closing(store.objects):
            if f"shop:{name}" not in names_in(store):
                put_and_commit(store, name)
    except (WorkspaceError, ObjectStoreError):
        return False
    return True


def put_and_commit(store: Store, name: str) -> None:
    """Add a product and an object."""
    with store.lock():
        with store.objects.writer("media") as writer:
            writer.put(name.encode(), mime="image/png", url=f"http://shop.example/{name}.png")
        commit(store, {"products": products([*names_in(store), f"shop:{name}"])}, settings=name)


def names_in(store: Store) -> list[str]:
    """Return the ids of the products."""
    return [str(name) for name in store.snapshot().table("products", ["product_id"])["product_id"].to_pylist()]


if __name__ == "__main__":
    main()
