"""The verb add-source, run by a person and by a script."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from m5data.cli.main import app
from tests.crawler.crawl.conftest import Shop, listing_page, product_page
from workspace import Workspace

run = CliRunner().invoke


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as running:
        items = [f"/goods/kettle-{n}" for n in range(12)]
        running.pages = {"/": listing_page(items)}
        running.pages |= {url: product_page(url[7:]) for url in items}
        yield running


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "ws", "[crawl]  # manners\ndelay_s = 0.001\n")
    return tmp_path / "ws"


def sources(workspace: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads((workspace / "m5data.toml").read_text()).get("sources", {})
    return found


def test_a_script_gets_json_and_the_section_is_written_on_yes_alone(shop: Shop, workspace: Path) -> None:
    words = ["add-source", shop.url, "-w", str(workspace), "--name", "pots", "--json"]
    proposed = run(app, words)
    assert (proposed.exit_code, sources(workspace)) == (0, {})
    found = json.loads(proposed.stdout)
    assert (found["written"], len(found["records"]), found["requests"] <= 20) == (False, 10, True)
    assert json.loads(run(app, [*words, "--yes"]).stdout)["written"]
    assert sources(workspace) == {
        "pots": {
            "start": [shop.url + "/"], "crawl_authorised": True, "share_authorised": True, "local": True,
            "delay_s": 0.001, "product_urls": ["//[^/]+/(?:[^?#]*/)?goods/[^/?#]"],
        }
    }  # fmt: skip
    assert "choose a new name" in str(run(app, words).exception)


def test_an_empty_contact_is_replaced(shop: Shop, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", '[crawl]\ncontact = ""\ndelay_s = 0.001\n')
    done = run(app, ["add-source", shop.url, "-w", str(tmp_path / "ws"), "--contact", "data@lab.example", "--yes"])
    assert done.exit_code == 0, done.output
    assert Workspace.open(tmp_path / "ws").settings.crawl.contact == "data@lab.example"


def test_a_person_is_asked_for_both_permissions(shop: Shop, workspace: Path) -> None:
    asked = run(app, ["add-source", shop.url, "-w", str(workspace)], input="y\nn\n")
    assert asked.exit_code == 0, asked.output
    section = sources(workspace)["shop"]
    assert (section["crawl_authorised"], section["share_authorised"]) == (True, False)
    assert "kettle-5" in asked.output
    assert f"next: m5data crawl -w {workspace} --source shop --limit 20" in asked.output


def test_a_stranger_is_not_called_on_without_a_contact(workspace: Path) -> None:
    refused = run(app, ["add-source", "https://93.184.216.34/", "-w", str(workspace), "--yes"])
    assert refused.exit_code != 0
    assert "--contact" in str(refused.exception)


def test_a_shop_without_products_is_not_written(shop: Shop, workspace: Path) -> None:
    shop.pages = {"/": "<html><h1>We are closed</h1></html>"}
    refused = run(app, ["add-source", shop.url, "-w", str(workspace), "--yes"])
    assert (refused.exit_code, sources(workspace)) == (1, {})
    assert "shows a product" in str(refused.exception)


def test_a_shop_that_does_not_answer_says_why(workspace: Path) -> None:
    refused = run(app, ["add-source", "http://127.0.0.1:1/", "-w", str(workspace), "--yes"])
    assert refused.exit_code == 1
    assert "connect: connection refused" in str(refused.exception)


def test_shop_whose_products_are_not_found_yet_is_written_without_limits(shop: Shop, workspace: Path) -> None:
    shop.pages = {"/": listing_page([f"/goods/{n}" for n in range(40)])}
    done = run(app, ["add-source", shop.url, "-w", str(workspace), "--name", "pots", "--yes"])
    assert done.exit_code == 0, done.output
    assert sources(workspace)["pots"] == {
        "start": [shop.url + "/"], "crawl_authorised": True, "share_authorised": True, "local": True, "delay_s": 0.001,
    }  # fmt: skip
    assert "no page that was looked at shows a product" in done.output


def test_unknown_host_is_refused_before_anything_is_asked(workspace: Path) -> None:
    refused = run(app, ["add-source", "https://shop.invalid/", "-w", str(workspace)], input="data@lab.example\n")
    assert "Mail or web address" not in refused.output
    assert str(refused.exception).endswith("Check the URL; nothing was written.")


def test_interrupted_question_writes_nothing_and_says_so(shop: Shop, workspace: Path) -> None:
    stopped = run(app, ["add-source", shop.url, "-w", str(workspace)], input="")
    assert (stopped.exit_code, sources(workspace)) == (130, {})
    assert "interrupted; nothing was written" in stopped.output
