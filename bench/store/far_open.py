"""Bytes fetched from a workspace in S3 (moto's server) to open it, to read one product, and to read all tables.

    python -m bench.store.far_open WORKSPACE FOLDER PRODUCT

The workspace is first copied to the server; FOLDER holds the working copies.
"""

import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path

from storage.working_copy import WORKING_COPIES, working_copy
from tests.s3_server import make_bucket, serving_s3
from workspace import Workspace
from workspace.copying import copy_workspace

_URL = "s3://bucket/shop"


def main() -> None:
    """Copy the workspace to the server, and print the figures of a new machine."""
    with serving_s3() as environment:
        os.environ.update(environment)
        make_bucket(environment, "bucket")
        os.environ[WORKING_COPIES] = str(Path(sys.argv[2]).absolute() / "first")
        copy_workspace(Workspace.open(Path(sys.argv[1])), working_copy(_URL))
        os.environ[WORKING_COPIES] = str(Path(sys.argv[2]).absolute() / "second")
        reads = get_context("spawn").Process(target=_read, args=(sys.argv[3],))
        reads.start()
        reads.join()


def _read(product: str) -> None:
    folder = working_copy(_URL)
    began = time.perf_counter()
    workspace = Workspace.open(folder)
    _say("open", folder, began)
    for where in (f"WHERE product_id = '{product}'", ""):
        began = time.perf_counter()
        rows = workspace.sql(f"SELECT count(caption) AS n FROM products {where}")["n"].to_pylist()[0]
        _say(f"{rows:,} products", folder, began)
    began = time.perf_counter()
    workspace.snapshot.connection().close()
    _say("all tables", folder, began)


def _say(what: str, folder: Path, began: float) -> None:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{what}: {time.perf_counter() - began:.2f} s, then {size / 1e6:.1f} MB here")


if __name__ == "__main__":
    main()
