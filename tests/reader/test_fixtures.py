"""Complete records of small pages: one folder per page, with its request, its bytes and the expected record."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from core.records import ProductRecord
from crawler import is_product, parse_page

FOLDER = Path(__file__).with_name("fixtures")
NAMES = sorted(path.name for path in FOLDER.iterdir())


def as_json(record: ProductRecord) -> dict[str, object]:
    shown = asdict(record)
    # Probabilities change whenever the model is trained.
    shown["origins"] = {name: origin.partition(" ")[0] for name, origin in record.origins.items()}
    shown["specs"] = [[spec.property, spec.value] for spec in record.specs]
    shown = {name: value for name, value in shown.items() if value or name not in _OMITTED}
    return dict(json.loads(json.dumps(shown, default=str)))


_OMITTED = frozenset(
    ("variants", "description", "features", "list_price", "rating", "rating_count", "condition", "item_group")
)
"""Fields that are left out where they are empty."""


@pytest.mark.parametrize("name", NAMES)
def test_a_page_becomes_its_record(name: str) -> None:
    folder = FOLDER / name
    request = json.loads((folder / "request.json").read_text("utf-8"))
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    body = (folder / "page.html").read_bytes()

    record = parse_page(body, request["url"], request.get("headers"), merchant_key=b"fixture")

    assert as_json(record) == expected["record"]
    assert (is_product(record).reason or "product") == expected["verdict"]


_ALL = """
import json, sys
from pathlib import Path
from crawler import parse_page
for folder in sorted(Path(sys.argv[1]).iterdir()):
    request = json.loads((folder / "request.json").read_text("utf-8"))
    print(parse_page((folder / "page.html").read_bytes(), request["url"], request.get("headers")))
print(parse_page(b"<p>x</p>", "https://alpha.bravo.charlie.example/lamp"))
"""


def test_records_do_not_depend_on_the_order_of_sets() -> None:
    read = [
        subprocess.run(
            [sys.executable, "-c", _ALL, str(FOLDER)],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    ]

    assert "caption=" in read[0]
    assert read[0] == read[1] == read[2]


def test_both_encodings_of_a_page_give_one_record() -> None:
    url = "https://item.jd.com/1020565583.html"
    records = [parse_page((FOLDER / name / "page.html").read_bytes(), url) for name in ("jd_utf8", "jd_gbk")]

    assert records[0] == records[1]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_key_there_is_no_merchant(name: str) -> None:
    folder = FOLDER / name
    url = json.loads((folder / "request.json").read_text("utf-8"))["url"]

    assert parse_page((folder / "page.html").read_bytes(), url).merchant is None
