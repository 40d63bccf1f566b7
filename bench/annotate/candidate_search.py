"""Exact and approximate candidate search, compared with the machine's rate of matrix products in the same run.

    python -m bench.annotate.candidate_search FOLDER [--rows 200000] [--queries 4096] [--lists 512] [--best 500]

The gallery, with 2,816 dimensions (ResNet-50's 2,048 and BERT's 768), is synthetic: each vector is the sum of a
category's direction, a product's direction and noise of its own. FOLDER needs room for two copies of it. The rate of
matrix products is the best of products of the size that the search uses.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from annotate.candidates.feature_file import FeatureFile, scale_to_unit
from annotate.candidates.search import build_inverted_file, count_probes, search_exactly

DIMENSIONS, BLOCK = 2816, 2048
FACTORS = 256
"""Dimensions in which categories and products vary: features of a network are far from filling their space."""
CLASSES, PRODUCTS = 80, 20_000
"""Of 200,000 rows, a category has about 1,000 to 7,000; M5Product takes queries from categories above 2,000."""
Vectors = NDArray[np.float32]


def main() -> None:
    """Print speed, recall and memory."""
    parser = argparse.ArgumentParser(description="Candidate search.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=4096)
    parser.add_argument("--lists", type=int, default=512)
    parser.add_argument("--best", type=int, default=500)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        with FeatureFile(folder / "gallery", DIMENSIONS) as features:
            for block in make(chosen.rows, seed=1):
                features.append(block)
            queries = next(make(chosen.queries, seed=2))
            compare(features, queries, chosen.best, chosen.lists, folder / "sorted")


def make(rows: int, seed: int) -> Iterator[Vectors]:
    """Yield synthetic vectors in blocks; the directions are the same for every seed."""
    fixed = np.random.default_rng(0)
    mixing = fixed.standard_normal((FACTORS, DIMENSIONS), np.float32)
    mixing *= (1.0 / np.sqrt(1 + np.arange(FACTORS, dtype=np.float32)))[:, None]
    classes = fixed.standard_normal((CLASSES, FACTORS), np.float32)
    products = 0.7 * fixed.standard_normal((PRODUCTS, FACTORS), np.float32)
    share = 1 / (15 + np.arange(CLASSES))
    category = fixed.choice(CLASSES, PRODUCTS, p=share / share.sum())
    rng = np.random.default_rng(seed)
    for start in range(0, rows, 4096):
        size = min(4096, rows - start)
        product = rng.integers(0, PRODUCTS, size)
        hidden = classes[category[product]] + products[product]
        hidden += 0.5 * rng.standard_normal((size, FACTORS), np.float32)
        vectors = hidden @ mixing
        vectors += 0.2 * rng.standard_normal((size, DIMENSIONS), np.float32)
        yield scale_to_unit(vectors)


def compare(features: FeatureFile, queries: Vectors, best: int, lists: int, path: Path) -> None:
    """Time both searches and compare their results."""
    flops = 2.0 * features.count * len(queries) * DIMENSIONS
    product = product_rate(queries)
    began = time.perf_counter()
    truth, _ = search_exactly(features, queries, best)
    exactly = time.perf_counter() - began
    print(f"matrix products {product / 1e9:.0f} GFLOP/s; {len(queries)} queries x {features.count} x {DIMENSIONS}")
    print(f"exact {exactly:.1f} s, {flops / exactly / product:.1%} of that rate, peak memory {peak():.2f} GiB")
    began = time.perf_counter()
    index = build_inverted_file(features, lists, path)
    built = time.perf_counter() - began
    with index.features:
        probes = count_probes(index, features, queries[:256], best, 0.985)
        began = time.perf_counter()
        found, _ = index.search(queries, best, probes)
        approximately = time.perf_counter() - began
    recall = np.mean([len(np.intersect1d(a, b)) / best for a, b in zip(truth, found, strict=True)])
    print(
        f"approximate {approximately:.2f} s with {probes} of {lists} lists (built in {built:.1f} s): "
        f"{exactly / approximately:.1f} x the speed, recall@{best} {recall:.4f}, peak memory {peak():.2f} GiB"
    )


def product_rate(queries: Vectors) -> float:
    """Return floating-point operations per second of the best of ten products of the search's size.

    Five use all threads of the library, five run one product on each core. The two matrices differ, because NumPy
    computes only one half of the product of a matrix with itself, which would seem to double the rate.
    """
    one = np.resize(queries, (BLOCK, DIMENSIONS))
    other = one[::-1].copy()
    flops = 2.0 * BLOCK * BLOCK * DIMENSIONS
    outs = [np.empty((BLOCK, BLOCK), np.float32) for _ in range(os.cpu_count() or 1)]
    rates = [flops / seconds(lambda: np.matmul(one, other.T, out=outs[0])) for _ in range(5)]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(len(outs)) as pool:
        for _ in range(5):
            each = seconds(lambda: list(pool.map(lambda out: np.matmul(one, other.T, out=out), outs)))
            rates.append(len(outs) * flops / each)
    return max(rates)


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak() -> float:
    """Return the peak memory of this process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
