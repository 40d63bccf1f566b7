"""Decimal numbers of a query look as on the other pages."""

from pathlib import Path

import pytest

from storage import Store
from webapp.query_result import run_query


@pytest.mark.parametrize(
    ("number", "shown"),
    [("168.0000", "168.00"), ("168.1250", "168.125"), ("0.10000", "0.10"), ("7", "7"), ("-1.5000", "-1.50")],
)
def test_decimal_numbers_have_no_needless_zeros(number: str, shown: str, tmp_path: Path) -> None:
    snapshot = Store.create(tmp_path / "w", buckets=2).snapshot()
    decimals = len(number.partition(".")[2])
    assert run_query(snapshot, f"SELECT {number}::DECIMAL(18, {decimals}) AS price").rows == ((shown,),)
