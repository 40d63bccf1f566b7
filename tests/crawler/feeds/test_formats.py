"""Each feed format yields the same rows, and reports where a bad row is."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import FeedError
from crawler.feeds import FeedFormat, FeedRow, detect
from crawler.feeds.delimited import read_table
from crawler.feeds.formats import read_json, read_product1m
from crawler.feeds.json_values import read_members
from crawler.feeds.m5product import parse_pv, read_m5product
from crawler.feeds.rows import FeedItem, FeedRowError, parse_row
from crawler.feeds.xml_items import read_xml


def file(folder: Path, content: str | bytes, name: str = "feed") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def contents(items: Iterable[FeedItem]) -> list[tuple[int | None, object]]:
    """Return each item's line and its fields without defaults; for a bad one, the error message."""
    rows = ((item.line, item.row) for item in items)
    return [(n, str(r) if isinstance(r, FeedRowError) else r.model_dump(exclude_defaults=True)) for n, r in rows]


FULL = {
    "id": "7",
    "url": "https://shop.example/7",
    "title": "羊毛 围巾",
    "category": ("服饰", "围巾"),
    "merchant": "某某店",
    "brand": "无牌",
    "price": "12.5",
    "currency": "CNY",
    "availability": "InStock",
    "gtin": "0123",
    "mpn": "W-7",
    "image_urls": ("https://shop.example/7.jpg",),
    "video_urls": ("https://shop.example/7.mp4",),
    "specs": ({"property": "材质", "value": "羊毛"},),
}


def test_a_row_takes_text_and_numbers_lists_and_mappings() -> None:
    loose = FULL | {"id": 7, "price": "12.5", "category": "服饰 > 围巾", "specs": {"材质": "羊毛"}, "colour": "unknown"}
    assert parse_row(loose) == parse_row(FULL)
    assert parse_row(FULL).model_dump(exclude_defaults=True) == FULL
    assert parse_row({"specs": None, "image_urls": None, "category": None}) == FeedRow()
    assert parse_row({"specs": {"重量": 3}}).specs[0].value == "3"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "row: not an object"),
        ({"title": ["a"]}, "title: input should be a valid string"),
        ({"title": True}, "title: input should be a valid string"),
        ({"image_urls": "http://a/"}, "image_urls: input should be a valid tuple"),
        ({"image_urls": ["a", 3]}, "image_urls.1: input should be a valid string"),
        ({"specs": [{"property": "a"}]}, "specs.0.value: field required"),
        ({"title": [], "brand": []}, "title: input should be a valid string (and 1 more)"),
    ],
)
def test_a_bad_row_gives_the_path_and_the_reason(values: object, message: str) -> None:
    with pytest.raises(FeedRowError) as caught:
        parse_row(values)
    assert str(caught.value) == message


def test_json_lines(tmp_path: Path) -> None:
    text = f'\ufeff{json.dumps(FULL)}\n\n{{"id": 8\n{{"id": 9}}\n'
    path = file(tmp_path, text.encode() + b'{"id": "\xff"}\n[1]')
    assert contents(read_json(path)) == [
        (1, FULL),
        (3, "column 9: not valid JSON"),
        (4, {"id": "9"}),
        (5, "byte 8: not UTF-8"),
        (6, "row: not an object"),
    ]


def test_csv(tmp_path: Path) -> None:
    text = (
        "id,title,category,image_urls,specs,price\r\n"
        '7,"羊毛\n围巾",服饰 > 围巾,http://a/1|http://a/2,"{""材质"": ""羊毛""}",12.5\r\n'
        "\r\n"
        "8,too,few\r\n"
        '9,ok,,"[""http://a/1""]",,\r\n'
        "10,bad json,,,{,\r\n"
    )
    path = file(tmp_path, text.encode() + b'11,"\xff",,,,\r\n12,"a"b,,,,\r\n13,ok,,,,\r\n')
    specs = ({"property": "材质", "value": "羊毛"},)
    first = {"id": "7", "title": "羊毛\n围巾", "category": ("服饰", "围巾"), "price": "12.5", "specs": specs}
    assert contents(read_table(path)) == [
        (3, first | {"image_urls": ("http://a/1", "http://a/2")}),
        (5, "row: the number of fields is 3, not 6"),
        (6, {"id": "9", "title": "ok", "image_urls": ("http://a/1",)}),
        (7, "specs: column 2: not valid JSON"),
        (8, "title: not UTF-8"),
        (9, "row: ',' expected after '\"'"),
        (10, {"id": "13", "title": "ok"}),
    ]


def test_m5product(tmp_path: Path) -> None:
    items = {
        "11": {"title": "口红", "pv": "品牌#:#某#;#色号#:#999", "label": "彩妆", "url": "http://a/11.jpg"},
        "12": {"title": "面霜", "pv": "0", "label": ["护肤", "面霜"], "url": "http://a/12.jpg"},
        "13": {"title": "无图", "pv": None},
        "14": "no item",
        "15": {"pv": 3},
    }
    path = file(tmp_path, json.dumps(items, ensure_ascii=False, indent=1))
    pairs = ({"property": "品牌", "value": "某"}, {"property": "色号", "value": "999"})
    assert contents(read_m5product(path)) == [
        (
            None,
            {
                "id": "11",
                "url": "http://a/11.jpg",
                "title": "口红",
                "category": ("彩妆",),
                "image_urls": ("http://a/11.jpg",),
                "specs": pairs,
            },
        ),
        (
            None,
            {
                "id": "12",
                "url": "http://a/12.jpg",
                "title": "面霜",
                "category": ("护肤", "面霜"),
                "image_urls": ("http://a/12.jpg",),
            },
        ),
        (None, {"id": "13", "title": "无图"}),
        (None, "item: must be an object, not str"),
        (None, "pv: must be text, not int"),
    ]


def test_a_pv_of_one_character_means_no_specifications() -> None:
    assert parse_pv("") == parse_pv("0") == parse_pv(" x ") == []
    assert parse_pv("a#:#b#:#c#;#d") == [{"property": "a", "value": "b#:#c"}, {"property": "d", "value": ""}]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON), st.sampled_from([None, 1]), st.sampled_from(["escaped", "plain"]))
def test_members_equal_those_of_json(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, object], indent: int | None, escaped: str
) -> None:
    text = json.dumps(members, indent=indent, ensure_ascii=escaped == "escaped")
    path = tmp_path_factory.mktemp("members") / "feed.json"
    path.write_text(text, encoding="utf-8", errors="replace")
    assert list(read_members(path)) == list(json.loads(path.read_text(encoding="utf-8")).items())


def test_members_may_cross_chunk_boundaries(tmp_path: Path) -> None:
    members = {str(n): {"title": "长" * 997, "n": n} for n in range(1500)}
    path = file(tmp_path, json.dumps(members, ensure_ascii=False))
    assert dict(read_members(path)) == members


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"a": 1', '{"a" 1}', '{"a": 1,}', '{"a": 1 "b": 2}', '{"a": 1,, "b": 2}', "{1: 2}"],
)
def test_other_json_is_rejected(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, text.encode(errors="surrogateescape"))
    with pytest.raises(FeedError, match="the file is not one JSON object of items in UTF-8"):
        list(read_members(path))


def test_product1m(tmp_path: Path) -> None:
    text = (
        "1#####口红#####http://a/1.jpg#####http://copy/1.jpg#####唇膏#;#礼盒\n"
        "2#####面霜#####http://a/2.jpg##########\n"
        "3#####short\n"
    )
    assert contents(read_product1m(file(tmp_path, text))) == [
        (
            1,
            {
                "id": "1",
                "url": "http://a/1.jpg",
                "title": "口红",
                "category": ("唇膏", "礼盒"),
                "image_urls": ("http://copy/1.jpg",),
            },
        ),
        (2, {"id": "2", "url": "http://a/2.jpg", "title": "面霜", "image_urls": ("http://a/2.jpg",)}),
        (3, "row: the number of fields is 2, not 5"),
    ]


RSS = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item>
  <g:id>A1</g:id><title>Scarf</title><link>https://shop.example/a1</link>
  <g:product_type>Clothes &gt; Scarves</g:product_type><g:google_product_category>177</g:google_product_category>
  <g:image_link>https://shop.example/a1.jpg</g:image_link>
  <g:additional_image_link>https://shop.example/a1b.jpg</g:additional_image_link>
  <g:video_link>https://shop.example/a1.mp4</g:video_link>
  <g:price>15.00 EUR</g:price><g:sale_price>12.00 EUR</g:sale_price><g:availability>in_stock</g:availability>
  <g:brand>None</g:brand><g:gtin>0123</g:gtin><g:mpn>S-1</g:mpn><g:color>red</g:color>
  <g:product_detail><g:section_name>General</g:section_name><g:attribute_name>Wool</g:attribute_name>
    <g:attribute_value>100 %</g:attribute_value></g:product_detail>
  <!-- comment -->
</item>
<item><g:id>A2</g:id></item>
</channel></rss>"""
SCARF = {
    "id": "A1",
    "url": "https://shop.example/a1",
    "title": "Scarf",
    "category": ("Clothes", "Scarves"),
    "brand": "None",
    "price": "15.00 EUR",
    "sale_price": "12.00 EUR",
    "availability": "in_stock",
    "gtin": "0123",
    "mpn": "S-1",
    "image_urls": ("https://shop.example/a1.jpg", "https://shop.example/a1b.jpg"),
    "video_urls": ("https://shop.example/a1.mp4",),
    "specs": ({"property": "Wool", "value": "100 %"}, {"property": "color", "value": "red"}),
}


def test_merchant_xml(tmp_path: Path) -> None:
    assert contents(read_xml(file(tmp_path, RSS))) == [(3, SCARF), (15, {"id": "A2"})]


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><g:id>1</g:id><link href="http://a/1"/></entry></feed>"""


def test_merchant_atom(tmp_path: Path) -> None:
    assert contents(read_xml(file(tmp_path, ATOM))) == [(2, {"id": "1", "url": "http://a/1"})]


TSV = {
    "ID": "A1",
    "title": "Scarf",
    "link": "https://shop.example/a1",
    "product type": "Clothes > Scarves",
    "image link": "https://shop.example/a1.jpg",
    "additional image link": "https://shop.example/a1b.jpg",
    "video link": "https://shop.example/a1.mp4",
    "price": "15.00 EUR",
    "sale price": "12.00 EUR",
    "availability": "in_stock",
    "brand": "None",
    "gtin": "0123",
    "mpn": "S-1",
    "color": "red",
    "product detail": "General:Wool:100 %",
}


def test_delimiter_that_a_spreadsheet_states_is_used(tmp_path: Path) -> None:
    assert contents(read_table(file(tmp_path, "sep=|\nid|title\n7|Cup, big, 5;6;7\n"))) == [
        (3, {"id": "7", "title": "Cup, big, 5;6;7"})
    ]


def test_merchant_tsv(tmp_path: Path) -> None:
    text = "\t".join(TSV) + "\n" + "\t".join(TSV.values()) + "\nA2\n"
    assert contents(read_table(file(tmp_path, text))) == [
        (2, SCARF),
        (3, "row: the number of fields is 1, not 15"),
    ]


def test_xml_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = file(tmp_path, "secret", "secret.txt")
    lolz = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    entities = f'<!ENTITY f SYSTEM "{secret.as_uri()}"><!ENTITY l0 "lol">{lolz}'
    text = f"<!DOCTYPE rss [{entities}]><rss><item><id>&f;</id><title>&l11;</title></item></rss>"
    try:
        rows = contents(read_xml(file(tmp_path, text)))
    except FeedError:
        return
    assert rows == [(1, {})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<rss><item>", "not well-formed after item 0: line 1, column 12: Premature end of data in tag item line 1"),
        ("<rss/>", "the file has no RSS items or Atom entries"),
    ],
)
def test_broken_xml_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        list(read_xml(file(tmp_path, text)))


def test_a_file_without_column_names_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="the first line must hold the column names"):
        list(read_table(file(tmp_path, "")))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("PAR1....", "parquet"),
        ('{"id": 1, "specs": {"a": "b"}}\n{"id": 2}', "jsonl"),
        ('\ufeff{"id": 1}', "jsonl"),
        ('{"1": {"title": "a"}}', "m5product"),
        ('{\n "1": {"title": "a"}}', "m5product"),
        ("id,url,title\n1,2,3", "csv"),
        ("id\ttitle\tlink\n", "merchant"),
        ("\n<?xml version='1.0'?><rss>", "merchant"),
        ("1#####a#####b#####c#####d", "product1m"),
    ],
)
def test_the_format_is_detected_from_the_content(tmp_path: Path, content: str, form: FeedFormat) -> None:
    assert detect(file(tmp_path, content)) == form


@pytest.mark.parametrize(
    ("content", "message"), [("", "the file is empty"), ("hello", "format of the feed is unclear")]
)
def test_an_unknown_format_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        detect(file(tmp_path, content))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="cannot read the file: No such file"):
        detect(tmp_path / "none.csv")
