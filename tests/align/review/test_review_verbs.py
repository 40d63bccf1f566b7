import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.errors import DataError
from m5data.cli.main import app
from storage import Store
from tests.align.test_align_stage import LISTINGS, fill


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    assert call("init", folder).exit_code == 0
    fill(Store.open(folder), LISTINGS)
    assert call("align", "-w", folder).exit_code == 0
    return folder


def test_a_sheet_goes_out_and_comes_back(workspace: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    assert "fill in decision" in call("align", "review", "-w", workspace, "--out", sheet).output
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    ends = {"source_a": "n", "path_a": "食品 > 咖啡", "source_b": "s", "path_b": "零食 > 咖啡/奶茶"}
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerow({"decision": "accept", **ends})
    for new in (1, 0):
        taken = call("align", "apply", sheet, "-w", workspace, "--reviewer", "li")
        assert f"1 decisions, {new} of them new" in taken.output
    assert call("align", "-w", workspace).exit_code == 0
    rules = Store.open(workspace).snapshot().table("label_map", ["rule"])["rule"].to_pylist()
    assert rules.count("person:li") == 3  # both categories, and a child of one of them


def test_bad_rows_are_named_and_fail(workspace: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("decision,source_a,path_a,source_b,path_b\nperhaps,n,食品 > 咖啡,s,零食 > 茶\n", encoding="utf-8")
    failed = call("align", "apply", sheet, "-w", workspace).exception
    assert isinstance(failed, DataError)
    assert "sheet.csv:2: bad_decision" in str(failed)
