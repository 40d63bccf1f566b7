"""The server for agents, asked by the official client: read only, and limited as the pages are."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from tests.webapp.conftest import Filled
from webapp import query_processes
from webapp.mcp_server import open_server


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give queries enough time on a busy machine."""
    monkeypatch.setattr(query_processes, "MAX_SECONDS", 600.0)


def answers(filled: Filled, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Return the structured result of each call, or the text of its error."""

    async def ask() -> list[Any]:
        with open_server(filled.store) as server:
            async with Client(server) as client:
                found = [await client.call_tool(name, arguments) for name, arguments in calls]
        return [getattr(one.content[0], "text", "") if one.is_error else one.structured_content for one in found]

    return asyncio.run(ask())


def test_tools_are_four_and_read_only(filled: Filled) -> None:
    async def ask() -> list[Any]:
        with open_server(filled.store) as server:
            async with Client(server) as client:
                return list((await client.list_tools()).tools)

    tools = asyncio.run(ask())
    assert [tool.name for tool in tools] == ["search", "product", "sql", "lineage"]
    assert all(tool.annotations.read_only_hint and not tool.annotations.open_world_hint for tool in tools)


def test_products_are_found_shown_and_explained(filled: Filled) -> None:
    calls = [("search", {"words": "shop:0"}), ("product", {"product_id": "shop:0"})]
    found, shown, why = answers(filled, *calls, ("lineage", {"product_id": "shop:0"}))
    assert (found["count"], [one["product_id"] for one in found["products"]]) == (1, ["shop:0"])
    assert (shown["card"]["product_id"], shown["ledger"]["caption"], len(shown["frames"])) == ("shop:0", "present", 2)
    assert (why["product_id"], why["version"], why["stages"][0]["stage"]) == ("shop:0", 1, "fill")


def test_sql_is_limited_as_on_the_page(filled: Filled) -> None:
    rows, many, refused = answers(
        filled,
        *[("sql", {"query": query}) for query in ("SELECT 1 AS one, NULL AS none", "FROM range(600)", "DROP TABLE x")],
    )
    assert rows == {"columns": ["one", "none"], "rows": [["1", None]], "more": False}
    assert (len(many["rows"]), many["more"]) == (500, True)
    assert "not allowed" in refused


def test_unknown_product_is_an_error_that_says_what_to_do(filled: Filled) -> None:
    calls = [(tool, {"product_id": "shop:99"}) for tool in ("product", "lineage")]
    assert answers(filled, *calls) == [
        f"Error executing tool {tool}: shop:99: no such product. Find ids with search or sql."
        for tool in ("product", "lineage")
    ]


def test_program_answers_over_standard_input_and_output(filled: Filled) -> None:
    program = str(Path(sys.executable).parent / "m5data")
    started = StdioServerParameters(command=program, args=["mcp", "-w", str(filled.store.root)], env={**os.environ})

    async def ask() -> list[Any]:
        async with Client(stdio_client(started)) as client:
            return [(await client.call_tool("lineage", {"product_id": "shop:0"})).structured_content]

    assert asyncio.run(ask())[0]["product_id"] == "shop:0"
