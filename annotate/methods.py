"""The aggregation methods by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np

from annotate.answers import Answers
from annotate.dawid_skene import dawid_skene
from annotate.fit import Fit
from annotate.glad import glad
from annotate.majority import majority
from annotate.weighted import weighted
from m5data.errors import UsageError

__all__ = ["Method", "fit"]

Method = Literal["majority", "dawid-skene", "glad", "weighted"]
"""How judgements of a task become one label."""

_METHODS: Mapping[str, Callable[[Answers], Fit]] = MappingProxyType(
    {"majority": majority, "dawid-skene": dawid_skene, "glad": glad, "weighted": weighted}
)


def fit(answers: Answers, method: str) -> Fit:
    """Apply a method; without any task there is nothing to find.

    Raises:
        UsageError: There is no such method.
    """
    if method not in _METHODS:
        raise UsageError(f"annotate.method: wanted one of {', '.join(_METHODS)}, got {method!r}; name one of them")
    if not len(answers.gold):
        return Fit(np.zeros((len(answers.labels), 0)), np.zeros(len(answers.workers)))
    return _METHODS[method](answers)
