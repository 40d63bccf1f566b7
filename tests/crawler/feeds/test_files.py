"""The forms in which a feed's file comes: packed, in other encodings, delimiters and forms of JSON."""

import gzip
import json
from pathlib import Path

import pytest

from core.errors import FeedError
from crawler.feeds import detect
from crawler.feeds.attributes import split_details, split_urls
from crawler.feeds.delimited import read_table
from crawler.feeds.files import check_file
from crawler.feeds.formats import read_json
from crawler.feeds.rows import FeedRowError, parse_row

ROWS = [{"id": "1", "url": "http://a/1", "title": "Größe"}, {"id": "2", "url": "http://a/2", "title": "Café"}]
TABLE = "id{0}url{0}title\n" + "".join("{id}{{0}}{url}{{0}}{title}\n".format_map(row) for row in ROWS)


def file(folder: Path, content: bytes) -> Path:
    path = folder / "feed"
    path.write_bytes(content)
    check_file(path)
    return path


def rows_of(items: object) -> list[object]:
    rows = (item.row for item in items)  # type: ignore[attr-defined]
    return [str(row) if isinstance(row, FeedRowError) else row.model_dump(exclude_defaults=True) for row in rows]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiter_is_that_of_the_column_names(tmp_path: Path, delimiter: str) -> None:
    path = file(tmp_path, TABLE.format(delimiter).encode())
    assert detect(path) == ("merchant" if delimiter == "\t" else "csv")
    assert rows_of(read_table(path)) == ROWS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "windows-1252"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    path = file(tmp_path, TABLE.format(",").replace("\n", "\r\n").encode(encoding))
    assert detect(path) == "csv"
    assert rows_of(read_table(path)) == ROWS


def test_bytes_that_are_not_utf8_cost_their_row(tmp_path: Path) -> None:
    path = file(tmp_path, TABLE.format(",").encode() + b"3,http://a/3,\xff\n")
    assert rows_of(read_table(path)) == [*ROWS, "title: not UTF-8"]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(TABLE.format(",").encode())
    path = file(tmp_path, packed)
    assert detect(path) == "csv"
    assert rows_of(read_table(path)) == ROWS
    with pytest.raises(FeedError, match="cannot read the file: Compressed file ended"):
        rows_of(read_table(file(tmp_path, packed[:-12])))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "[" + ",\n".join(map(json.dumps, ROWS)) + "]",
        "\n".join(map(json.dumps, ROWS)),
        "\n".join(json.dumps(row, indent=1) for row in ROWS),
        json.dumps({"total": 2, "products": ROWS, "next": None}),
        json.dumps({"data": {"items": ROWS}}, indent=1),
    ],
)
def test_json_comes_in_many_forms(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, text.encode())
    assert detect(path) == "jsonl"
    assert rows_of(read_json(path)) == ROWS


@pytest.mark.parametrize(
    "first", ['"specs": {"a": "b"}', '"specs": [{"property": "a", "value": "b"}]', '"x": [{"y": 1}]']
)
def test_first_field_of_a_line_is_no_list_of_products(tmp_path: Path, first: str) -> None:
    path = file(tmp_path, f'{{{first}, "id": 1}}\n{{"id": 2}}\n'.encode())
    assert detect(path) == "jsonl"
    assert [row["id"] for row in rows_of(read_json(path))] == ["1", "2"]  # type: ignore[index]


def test_broken_array_names_the_item_before(tmp_path: Path) -> None:
    path = file(tmp_path, b'[{"id": 1}, {"id": 2}, {"id": ]')
    with pytest.raises(FeedError, match="the JSON is broken after item 2: Expecting value"):
        rows_of(read_json(path))


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("General:Fit:slim", [("General", "Fit", "slim")]),
        (":Fit:slim,Size:3 in", [("", "Fit", "slim"), ("", "Size", "3 in")]),
        (r"General:Fit:slim\, long", [("General", "Fit", "slim, long")]),
        ('General:Fit:"slim, long",Display:Size:3 in', [("General", "Fit", "slim, long"), ("Display", "Size", "3 in")]),
        ('"General:Fit:slim, long",:Size:3"', [("General", "Fit", "slim, long"), ("", "Size", '3"')]),
        ('"Display: front":Size:3:4', [("Display: front", "Size", "3:4")]),
        ("General:Fit:slim, long", [("General", "Fit", "slim, long")]),
        ("plain text", []),
    ],
)
def test_details_of_a_line_keep_their_marks(text: str, details: list[tuple[str, str, str]]) -> None:
    assert split_details(text) == details


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("http://a/1|http://a/2", ["http://a/1", "http://a/2"]),
        ("http://a/1,2.jpg, http://a/3", ["http://a/1,2.jpg", "http://a/3"]),
        ('"http://a/1,2.jpg","http://a/3"', ["http://a/1,2.jpg", "http://a/3"]),
        ("/a.jpg,//cdn/b.jpg", ["/a.jpg", "//cdn/b.jpg"]),
        (" ", []),
    ],
)
def test_lists_of_urls_have_many_marks(text: str, urls: list[str]) -> None:
    assert split_urls(text) == urls


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (["red", None, "blue"], "red, blue"), (True, "true"), (3, "3"), ({"cm": 3}, "cm: 3"), ([], None)],
)
def test_specification_that_is_no_text_becomes_one(value: object, text: str | None) -> None:
    wanted = () if text is None else (("Colour", text),)
    for specs in ({"Colour": value}, [{"property": "Colour", "value": value}]):
        assert tuple((spec.property, spec.value) for spec in parse_row({"specs": specs}).specs) == wanted


@pytest.mark.parametrize(("value", "text"), [(101.0, "101"), (7, "7"), ("101.0", "101.0"), (float("nan"), None)])
def test_whole_numbers_are_restored_in_ids(value: object, text: str | None) -> None:
    assert parse_row({"id": value}).id == text


@pytest.mark.parametrize("value", [1.5, 2.0**60])
def test_other_floats_are_no_ids(value: float) -> None:
    with pytest.raises(FeedRowError, match="id: a floating-point number is no id"):
        parse_row({"id": value})
