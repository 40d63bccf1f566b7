"""Only the chosen work is done again."""

import pytest

from core.errors import UsageError
from core.run_options import RunContext
from crawler.crawl.frontier import open_frontier
from flows.run_stage import run_stage
from tests.flows.conftest import Shop
from tests.pipeline.workspace_content import table_rows
from workspace import Workspace
from workspace.invalidate import Selection, invalidate

PRODUCT = "north:N10001"


class Counting:
    """A progress sink that counts items."""

    def __init__(self) -> None:
        self.items = 0

    def start(self, stage: str, total: int | None) -> None: ...

    def advance(self, items: int = 1) -> None:
        self.items += items

    def finish(self) -> None: ...


def run_again(workspace: Workspace, stage: str) -> int:
    """Run a stage and return how many items it worked on."""
    progress = Counting()
    run_stage(Workspace.open(workspace.root), stage, RunContext(progress=progress))
    return progress.items


def objects_of(workspace: Workspace, condition: str) -> int:
    tables = "media join products using (product_id)"
    query = f"select count(distinct sha256) n from {tables} where state = 'ok' and {condition}"
    return int(workspace.sql(query).to_pylist()[0]["n"])


@pytest.mark.parametrize(
    ("selection", "condition"),
    [
        (Selection(products=(PRODUCT,)), f"product_id = '{PRODUCT}'"),
        (Selection(source="south"), "source = 'south'"),
        (Selection(), "true"),
    ],
)
def test_extraction_decodes_what_was_chosen_and_gives_the_same(
    collected: Workspace, selection: Selection, condition: str
) -> None:
    before, expected = table_rows(collected.root), objects_of(collected, condition)
    assert run_again(collected, "extract") == 0
    assert invalidate(collected, "extract", selection, dry_run=True) == expected > 0
    assert run_again(collected, "extract") == 0, "a dry run changes nothing"
    assert invalidate(Workspace.open(collected.root), "extract", selection) == expected
    assert run_again(collected, "extract") == expected
    assert table_rows(collected.root) == before


def test_partitions_together_are_everything(collected: Workspace) -> None:
    counts = [invalidate(collected, "records", Selection(partition=number), dry_run=True) for number in range(4)]
    pages = collected.sql("select count(*) n from products").to_pylist()[0]["n"]
    assert all(counts)
    assert sum(counts) >= pages, "a product may have a second URL"


def test_a_product_s_media_are_fetched_again(collected: Workspace, shop: Shop) -> None:
    before = table_rows(collected.root)
    urls = {row["url"] for row in collected.table("media").to_pylist() if row["product_id"] == PRODUCT}
    assert invalidate(collected, "download", Selection(products=(PRODUCT,))) == len(urls) > 0
    assert run_again(collected, "download") == len(urls)
    assert table_rows(collected.root) == before


STORED = """
select count(*) from source_pages
where source = 'north' and page_sha256 is not null and kind = 'page' and vanished_at is null
"""


def test_a_source_s_pages_are_read_again(collected: Workspace) -> None:
    before = table_rows(collected.root)
    invalidate(collected, "records", Selection(source="north"))
    with open_frontier(collected.store, "north") as connection:
        stored = connection.execute(STORED).fetchone()[0]
    assert run_again(collected, "records") == stored > 0
    assert table_rows(collected.root) == before


def test_a_source_s_pages_are_fetched_whole_again(collected: Workspace, shop: Shop) -> None:
    before = shop.base_urls.requests("south"), shop.base_urls.requests("north")
    invalidate(collected, "crawl", Selection(source="south"))
    run_again(collected, "crawl")
    pages = [path for path in before[0] if path.startswith("/product/") and "200" in before[0][path]]
    later = shop.base_urls.requests("south")
    assert pages
    assert [path for path in pages if later[path]["200"] != before[0][path]["200"] + 1] == []
    assert shop.base_urls.requests("north") == before[1]


@pytest.mark.parametrize(
    ("stage", "selection", "message"),
    [
        ("extrakt", Selection(), "redo --stage: 'extrakt' cannot be redone; name one of crawl, records,"),
        ("dedup", Selection(source="north"), "redo --stage dedup: it looks at all products at once"),
        (
            "extract",
            Selection(products=("north:X",)),
            "redo --product: there is no product 'north:X'",
        ),
        ("extract", Selection(source="east"), "redo --source: there is no source 'east'; name one of north, south"),
        ("extract", Selection(partition=4), "redo --partition: there is no partition 4; name one of 0 to 3"),
    ],
)
def test_what_cannot_be_redone_is_said(collected: Workspace, stage: str, selection: Selection, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        invalidate(collected, stage, selection)
