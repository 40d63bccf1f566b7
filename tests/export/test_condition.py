"""Conditions of people are tried in a process with limits before an export begins."""

from dataclasses import replace

import pytest

from core.errors import QueryError
from core.processes.pool import PoolLimits
from export.condition import check_condition
from storage import Store

SMALL = PoolLimits(seconds=300, memory_bytes=1 << 30, input_bytes=1 << 20, output_bytes=1 << 20)


def test_condition_that_holds_for_some_products_is_accepted(store: Store) -> None:
    check_condition(store.snapshot(), "spec_lines = 0 OR video_state = 'present'")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nonsense = 1", "nonsense"),
        ("1 = 1; DROP VIEW catalogue", "statements given"),
        ("product_id IN (SELECT content FROM read_text('/etc/passwd'))", "file system operations are disabled"),
        ("length(repeat(product_id, 500000000)) > 0", "[Mm]emory|allocat"),
    ],
)
def test_condition_that_is_wrong_or_costs_too_much_is_refused(store: Store, where: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        check_condition(store.snapshot(), where, SMALL)


def test_condition_without_end_is_stopped(store: Store) -> None:
    where, limits = "(SELECT count(*) FROM range(1000000000000)) > 0", replace(SMALL, seconds=1)
    with pytest.raises(QueryError, match="the condition was stopped: no result within 1 s"):
        check_condition(store.snapshot(), where, limits)
