"""Time to find products: a page of results with all its facets and histograms, and the map, over a workspace's index.

``python -m bench.webapp.explore_latency WORKSPACE [QUERY …]``, each QUERY as in the URL of the product browser.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from urllib.parse import parse_qsl

import duckdb

from storage import Store
from webapp.catalogue.explore import explore
from webapp.catalogue.index import CurrentIndex, StillPreparingError
from webapp.catalogue.map_points import map_points
from webapp.catalogue.selection import Selection

_ROUNDS = 20
_QUERIES = ("", "q=1234", "q=red", "price=10..20", "sort=-price")


def main() -> None:
    """Print the cost of the index, then CPU and clock of each query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("queries", nargs="*", default=_QUERIES)
    given = parser.parse_args()
    store = Store.open(given.workspace)
    index = CurrentIndex(store.snapshot, store.state)
    while True:
        try:
            with index.reading(mapped=True) as engine:
                seconds, peak = time.process_time(), getrusage(RUSAGE_SELF).ru_maxrss >> 10
                sys.stdout.write(f"index and map: {seconds:.1f} s of CPU, {peak:,} MB at most\n")
                _measure(engine, given.queries)
            break
        except StillPreparingError:
            continue
    index.close()


def _measure(engine: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> None:
    calls: Mapping[str, Callable[[Selection], int]] = {
        "page": lambda selection: explore(engine, selection).count,
        "map": lambda selection: int(map_points(engine, selection, "sub_class")["count"]),
    }
    for query in queries:
        selection = Selection.parse(parse_qsl(query, keep_blank_values=True))
        for name, call in calls.items():
            cpu, clock, count = [], [], 0
            for _ in range(_ROUNDS):
                spent, began = time.process_time(), time.perf_counter()
                count = call(selection)
                cpu.append(time.process_time() - spent)
                clock.append(time.perf_counter() - began)
            late = sorted(clock)[int(0.95 * _ROUNDS)]
            middle = sorted(cpu)[_ROUNDS // 2]
            sys.stdout.write(f"{query or 'everything':24} {name:5} {count:>9,}: CPU {middle:.3f} s, p95 {late:.3f} s\n")


if __name__ == "__main__":
    main()
