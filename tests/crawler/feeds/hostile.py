"""Hostile feeds: shapes of any size, and random mutations of good feeds."""

import io
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.engine import open_engine
from core.errors import FeedError
from crawler.feeds import FeedFormat, detect, open_feed
from crawler.feeds.cleaning import add_functions, divide, validate_rows
from crawler.feeds.files import check_file

__all__ = ["SHAPES", "mutated_feeds", "read_feed", "survives"]


def _row(number: int, **more: object) -> dict[str, object]:
    return {"id": str(number), "url": f"http://shop.example/{number}", "title": f"t {number}", **more}


def _lines(*rows: Mapping[str, object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _parquet(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def _items(inside: str, attributes: str = "") -> bytes:
    return f"<rss {attributes}><channel><item><id>1</id>{inside}</item></channel></rss>".encode()


def _urls(count: int) -> list[str]:
    return [
        "http://shop.example/same.jpg",
        *(f"http://shop.example/{n}.jpg" for n in range(count)),
        "http://shop.example/same.jpg",
    ]


SHAPES: Mapping[str, tuple[int, Callable[[int], bytes]]] = {
    "image_urls": (2_000, lambda n: _lines(_row(1, image_urls=_urls(n)))),
    "image_urls of Parquet": (2_000, lambda n: _parquet([_row(1, image_urls=_urls(n))])),
    "specs": (4_000, lambda n: _lines(_row(1, specs={f"p{i}": "v" for i in range(n)}))),
    "category": (4_000, lambda n: _lines(_row(1, category="a > " * n))),
    "spaces": (300_000, lambda n: _lines(_row(1, title=" " * n + "x" + "\t" * n))),
    "price": (300_000, lambda n: _lines(_row(1, price="1," * n))),
    "nested JSON": (100_000, lambda n: b'{"id": ' + b"[" * n + b"]" * n + b"}\n"),
    "repeated rows": (20_000, lambda n: _lines(*[_row(1)] * n)),
    "repeated rows of Parquet": (150_000, lambda n: _parquet([_row(1)] * n)),
    "open quote": (20_000, lambda n: b'id,url,title\n1,http://a,"open\n' + b"2,http://a,t\n" * n),
    "open quotes": (20_000, lambda n: b"id,url,title\n" + b'1,http://a,"t\n' * n),
    "pipes in an open quote": (60_000, lambda n: b'id,url,image_urls\n1,http://a,"' + b"a|" * n + b"\n"),
    "commas": (1_000_000, lambda n: b"id,url,title\n" + b"," * n),
    "columns": (20_000, lambda n: b"id,url," + b",".join(b"c%d" % i for i in range(n)) + b"\n1,http://a" + b",x" * n),
    "namespaces": (30_000, lambda n: _items("", " ".join(f'xmlns:n{i}="u{i}"' for i in range(n)))),
    "namespaced elements": (10_000, lambda n: _items("".join(f'<n{i}:a xmlns:n{i}="u">1</n{i}:a>' for i in range(n)))),
    "attributes": (30_000, lambda n: _items("", " ".join(f'a{i}="u{i}"' for i in range(n)))),
    "images of an item": (4_000, lambda n: _items("<additional_image_link>http://a</additional_image_link>" * n)),
    "details of an item": (4_000, lambda n: _items("<product_detail><a>a</a></product_detail>" * n)),
    "pv": (20_000, lambda n: json.dumps({"1": {"pv": "a#:#b#;#" * n}, "2": {}}).encode()),
    "long items": (1_500_000, lambda n: json.dumps({str(i): {"title": "x" * n} for i in range(4)}).encode()),
}  # fmt: skip
"""Name -> a size, and a function from a size to the feed."""


def read_feed(path: Path) -> int:
    """Read a feed as the ingest stage does before it writes tables, and return the number of rows that are products.

    Raises:
        FeedError: The feed is refused.
    """
    check_file(path)
    with open_engine() as connection:
        connection.execute("SET VARIABLE source = 'shop'")
        add_functions(connection)
        open_feed(connection, path, detect(path), base="http://shop.example/", checked=True)
        validate_rows(connection, datetime(2026, 11, 23, tzinfo=UTC))
        connection.execute("CREATE TABLE hashes AS SELECT '' AS name, '' AS hash WHERE false")
        [(good,)] = connection.execute("SELECT count(*) FROM good").fetchall()
        divide(connection, path.parent / "parts", good, 4)
        return int(good)


def _good_feeds() -> Mapping[FeedFormat, bytes]:
    rows = [
        _row(n, price="12.50", image_urls=_urls(2), category=["a", "b"], specs=[{"property": "颜色", "value": "红"}])
        for n in range(3)
    ]
    table = "id,url,title,image_urls,specs\n" + "".join(
        f'{n},http://a/{n},"t, ""{n}""\nb",http://a/1|http://a/2,"{{""a"": ""b""}}"\n' for n in range(3)
    )
    xml = "<?xml version='1.0'?><rss xmlns:g='http://base.google.com/ns/1.0'><channel>" + "".join(
        f"<item><g:id>{n}</g:id><link>http://a/{n}</link><title>&lt;t&gt;</title><g:price>5 USD</g:price></item>"
        for n in range(3)
    )
    item = {"title": "t", "pv": "a#:#b#;#c#:#d", "label": "x", "url": "http://a/1.jpg"}
    return {
        "jsonl": _lines(*rows),
        "csv": table.encode(),
        "parquet": _parquet(rows),
        "m5product": json.dumps({str(n): item for n in range(3)}).encode(),
        "product1m": b"1#####t#####http://a/1#####http://a/2#####x#;#y\n" * 3,
        "merchant": f"{xml}</channel></rss>".encode(),
        "shopify": b'{"products": ['
        + b", ".join(json.dumps(_SHIRT | {"handle": f"h{n}"}).encode() for n in range(3))
        + b"]}",
        "woocommerce": _WOO.encode(),
        "openai-feed": _lines(
            *[_row(n, item_id=f"s{n}", is_eligible_search=True, variant_dict={"a": "b"}) for n in range(3)]
        ),
        "amazon-reviews-2023": _lines(
            *[
                {
                    "parent_asin": f"B{n}",
                    "main_category": "a",
                    "details": {"a": "b"},
                    "images": [{"hi_res": "http://a/1"}],
                }
                for n in range(3)
            ]
        ),
        "marqo": b"product_id,title,image_local,score_linear\n"
        + b"".join(b'%d,"t",./a/%d.jpg,1\n' % (n, n) for n in range(3)),
        "mep3m": json.dumps(
            [{"img_path": f"Images/1/{n}.jpg", "sub_class_id": "1", "class_name": "a", "title": "t"} for n in range(3)]
        ).encode(),
    }


_SHIRT = {"title": "t", "body_html": "", "variants": [{"option1": "M", "price": "1.00"}], "options": [{"name": "Size"}]}
_WOO = """ID,Type,SKU,Name,Regular price,Parent,Images,Attribute 1 name,Attribute 1 value(s)
1,variable,hood,Hood,,,http://a/1.jpg,Colour,"Blue, Red"
2,variation,,Hood - Blue,"45,00",hood,http://a/2.jpg,Colour,Blue
3,simple,cap,Cap,5.00,,"http://a/3.jpg, http://a/4.jpg",,
"""


_PIECES = (
    *(b'"', b"\\ud83d", b"\\u0000", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"{", b"[", b"]", b"}", b",", b"\n"),
    *(
        b"#####",
        b"#;#",
        b"<item>",
        b"</item>",
        b"<![CDATA[",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
        b"&b;",
        b"\t",
        b"1e400",
    ),
    *(b"-5", b"NaN", b"null", b"\xf0\x9f\x98\x80", b"' OR 1=1 --", b"../../etc", b"\r", b"\xe2\x80\xae", b"9" * 5_000),
)


def mutated_feeds(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of ``count`` feeds, each one a good feed after one to eight random changes."""
    draw = random.Random(seed)
    good = _good_feeds()
    for number in range(count):
        form = draw.choice(sorted(good))
        feed = bytearray(good[form])
        for _ in range(draw.randint(1, 8)):
            _change(feed, draw)
        yield f"{seed}-{number}-{form}", bytes(feed)


def _change(feed: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(feed) + 1)
    end = min(len(feed), start + draw.choice([1, 4, 40]))
    kind = draw.randrange(5)
    if kind == 0:
        feed[start:start] = draw.choice(_PIECES)
    elif kind == 1:
        del feed[start:end]
    elif kind == 2:
        feed[start:end] = draw.choice(_PIECES)
    elif kind == 3:
        feed[start:start] = feed[start:end] * draw.choice([2, 50])
    else:
        feed[start:end] = draw.randbytes(end - start)


def survives(path: Path, feed: bytes) -> None:
    """Read a feed, which must raise nothing except ``FeedError``."""
    path.write_bytes(feed)
    with suppress(FeedError):
        read_feed(path)
