"""What notebooks show of a workspace and of a query's rows."""

from datetime import date
from pathlib import Path

import pyarrow as pa

import m5data
from core.stage import StageReport
from tests.export.synthetic import product, rows
from workspace import Workspace
from workspace.rows import Rows


def test_rows_are_a_table_of_escaped_and_cut_texts() -> None:
    table = pa.table(
        {"<n>": [1200, None], "text": ["<script>&", "x" * 90], "more": [[date(2026, 3, 1)], None], "yes": [True, False]}
    )
    left = "<td style='text-align:left'>"
    assert Rows(table)._repr_html_() == (
        "<table><thead><tr><th>&lt;n&gt;</th><th>text</th><th>more</th><th>yes</th></tr></thead><tbody>"
        f"<tr><td style='text-align:right'>1,200</td>{left}&lt;script&gt;&amp;</td>"
        f"{left}[&#x27;2026-03-01&#x27;]</td>{left}True</td></tr>"
        f"<tr><td style='text-align:right'>–</td>{left}{'x' * 79}…</td>{left}–</td>{left}False</td></tr>"
        "</tbody></table><small>2 rows × 4 columns</small>"
    )


def test_many_rows_and_columns_are_cut_and_counted() -> None:
    shown = Rows(pa.table({f"c{n}": range(1000) for n in range(40)}))._repr_html_()
    assert (shown.count("<tr>"), shown.count("<th>")) == (21, 30)
    assert shown.endswith("<small>1,000 rows × 40 columns</small>")


def test_workspace_lists_its_tables(tmp_path: Path) -> None:
    root = tmp_path / "<b>"
    empty = Workspace.create(root)
    assert "No data yet" in empty._repr_html_()
    with empty.store.stage("fill", settings="") as stage:
        stage.write("products", rows("products", product(1, "pot"), product(2, "cup")))
        stage.commit(StageReport("fill", 2, 2))
    shown = m5data.open(root)._repr_html_()
    assert "&lt;b&gt;</b> <small>version 1 · " in shown
    assert "products</td><td style='text-align:right'>2</td>" in shown
    assert "specs" not in shown
