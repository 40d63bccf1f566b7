"""A take-down reaches every table that names products."""

from storage.tables import TABLES
from takedown.plan import Plan
from takedown.tables import table_edits


def test_every_table_that_names_products_loses_their_rows() -> None:
    plan = Plan(kind="product", products=("shop:1",))
    edits = {edit.table: edit for edit in table_edits(plan, 4, groups={}, pages={}, objects=())}
    naming = [name for name, spec in TABLES.items() if {c.name for c in spec.columns} & {"product_id", "query"}]
    assert [name for name in naming if "shop:1" not in edits[name].gone] == []
    assert list(edits)[-1] == "products"
