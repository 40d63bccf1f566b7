"""Krippendorff's alpha: agreement of workers beyond chance."""

from annotate.aggregation.blocks import count_votes
from annotate.aggregation.encoding import encode
from m5data.arrow_input import ArrowStream

__all__ = ["krippendorff_alpha"]


def krippendorff_alpha(judgements: ArrowStream) -> float:
    """Return Krippendorff's alpha for nominal labels: 1 is full agreement, 0 is chance, below 0 is worse.

        alpha = 1 - D_o / D_e
        D_o = 1/n sum over tasks of (m^2 - sum over labels of n_tc^2) / (m - 1)
        D_e = (n^2 - sum over labels of n_c^2) / (n (n - 1))

    with n_tc answers c on task t, m answers on it, and n in all. Tasks with one answer are excluded.
    Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C. If all answers are the same,
    alpha is 0/0 and returned as 1; if no task has two answers, it is nan.

    Args:
        judgements: Columns task, worker, label.

    Raises:
        DataError: A column is missing or has nulls.
    """
    votes = count_votes(encode(judgements))
    votes = votes[:, votes.sum(axis=0) > 1]
    each, total = votes.sum(axis=0), votes.sum()
    if total == 0:
        return float("nan")
    observed = ((each**2 - (votes**2).sum(axis=0)) / (each - 1)).sum() / total
    expected = (total**2 - (votes.sum(axis=1) ** 2).sum()) / (total * (total - 1))
    return float(1 - observed / expected) if expected else 1.0
