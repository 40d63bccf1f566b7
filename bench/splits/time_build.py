"""Time and memory of building M5Product's splits, at growing sizes.

    python -m bench.splits.time_build [60000 600000 6313067]

Each size runs in a new process; its recipe is ``m5product`` with all numbers scaled.
"""

import multiprocessing
import resource
import sys
import time
from collections import Counter

from bench.splits.make_workspace import recipe_text
from bench.splits.synthetic_catalogue import M5_PRODUCTS, make_catalogue
from splits import Recipe, build, parse_recipe


def _recipe(products: int) -> Recipe:
    name, text = recipe_text(products)
    return parse_recipe(text, name)


def _measure(products: int) -> None:
    catalogue = make_catalogue(products)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    splits = build(catalogue, _recipe(products), seed=0)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = dict(sorted(Counter(splits["split"].to_pylist()).items()))
    print(
        f"{products:>9,} products: {seconds:6.1f} s, peak {peak / 2**20:.2f} GB ({before / 2**20:.2f} before)  {counts}"
    )


def main() -> None:
    """Measure the given sizes, or the three defaults."""
    sizes = [int(argument) for argument in sys.argv[1:]] or [60_000, 600_000, M5_PRODUCTS]
    context = multiprocessing.get_context("spawn")
    for size in sizes:
        child = context.Process(target=_measure, args=(size,))
        child.start()
        child.join()
        if child.exitcode:
            sys.exit(1)


if __name__ == "__main__":
    main()
