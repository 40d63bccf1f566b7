"""Seconds and memory for the judgements of M5Product's annotation, simulated: 24,410 queries x 500 candidates x 5.

    python -m bench.annotate.large_crowd [--share 0.1] [--method glad]

A share of 1 is the whole, 61,025,000 judgements of 2,000 workers.
"""

import argparse
import resource
import time
from typing import get_args

import numpy as np

from annotate import Method, aggregate
from bench.annotate.crowds import simulate

QUERIES, CANDIDATES, EACH, WORKERS = 24_410, 500, 5, 2_000


def main() -> None:
    """Print seconds, accuracy and the process's peak memory, that of the simulated table included."""
    parser = argparse.ArgumentParser(description="Aggregation of very many judgements.")
    parser.add_argument("--share", type=float, default=0.1, help="share of the judgements to simulate")
    parser.add_argument("--method", choices=get_args(Method), default="glad")
    chosen = parser.parse_args()
    crowd = simulate(round(QUERIES * CANDIDATES * chosen.share), EACH, WORKERS, seed=1)
    began = time.perf_counter()
    found = aggregate(crowd.judgements, chosen.method)
    seconds = time.perf_counter() - began
    right = np.mean(found.labels["label"].to_numpy() == np.fromiter(crowd.truth.values(), np.int32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{chosen.method}: {crowd.judgements.num_rows} judgements in {seconds:.1f} s "
        f"({1e9 * seconds / crowd.judgements.num_rows:.0f} ns each), accuracy {right:.4f}, "
        f"converged {found.converged}, peak memory {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main()
