"""Krippendorff's alpha: agreement of workers beyond chance."""

import pyarrow as pa

from annotate.aggregation.blocks import count_votes
from annotate.aggregation.encoding import encode

__all__ = ["krippendorff_alpha"]


def krippendorff_alpha(judgements: pa.Table) -> float:
    """Return Krippendorff's alpha for nominal labels: 1 full agreement, 0 that of chance, below 0 less.

        alpha = 1 - D_o / D_e
        D_o = 1/n sum over tasks of (m^2 - sum over labels of n_tc^2) / (m - 1)
        D_e = (n^2 - sum over labels of n_c^2) / (n (n - 1))

    n_tc answers c on task t, m answers on it, n in all; tasks with one answer are left out. Krippendorff 2011,
    "Computing Krippendorff's alpha-reliability", section C. Where all answers are the same label chance agrees
    too, and alpha, 0/0, is given as 1; where no task has two answers it is nan.

    Args:
        judgements: Columns task, worker, label.

    Raises:
        DataError: A column is missing or holds nulls.
    """
    votes = count_votes(encode(judgements))
    votes = votes[:, votes.sum(axis=0) > 1]
    each, total = votes.sum(axis=0), votes.sum()
    if total == 0:
        return float("nan")
    observed = ((each**2 - (votes**2).sum(axis=0)) / (each - 1)).sum() / total
    expected = (total**2 - (votes.sum(axis=1) ** 2).sum()) / (total * (total - 1))
    return float(1 - observed / expected) if expected else 1.0
