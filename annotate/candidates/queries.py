"""Which products are asked about."""

import numpy as np
import pyarrow as pa

from annotate.candidates.features import Rows
from annotate.candidates.settings import CandidateSettings
from m5data.errors import DataError

__all__ = ["sample_queries"]


def sample_queries(products: pa.Table, settings: CandidateSettings) -> Rows:
    """Return row numbers of queries, ascending: drawn at random from categories of at least ``min_category``.

    M5Product: "sample queries in categories with > 2,000 instances", from everything outside train; the categories
    here are those of the second level, and their size is that outside train.

    Args:
        products: product_id, sub_class_id.
        settings: How many, of which categories, by which seed.

    Raises:
        DataError: No category is so large.
    """
    category = products["sub_class_id"].to_numpy().astype(np.float64)
    category = np.where(np.isnan(category), -1, category).astype(np.int64)
    names, place, sizes = np.unique(category, return_inverse=True, return_counts=True)
    large = (sizes >= settings.min_category) & (names >= 0)
    if not large.any():
        largest = int(sizes[names >= 0].max(initial=0))
        raise DataError(
            f"annotate.candidates.min_category: wanted categories of {settings.min_category} products outside train, "
            f"the largest has {largest}; set a smaller min_category"
        )
    rows = np.flatnonzero(large[place])
    drawn = np.random.default_rng(settings.seed).permutation(rows)[: settings.queries]
    return np.sort(drawn)
