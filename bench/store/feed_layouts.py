"""Rows per second of processor time in which feeds of shop software and published datasets are read.

``python -m bench.store.feed_layouts [ROWS]`` makes a file of each layout, with simple rows, and reads it into one
relation as ``ingest`` does.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from core.engine import open_engine
from crawler.feeds import detect, open_feed

__all__ = ["main"]

_TAG = "language_tag"


def _lines(row: Callable[[int], object], rows: int) -> str:
    return "".join(f"{json.dumps(row(number), ensure_ascii=False)}\n" for number in range(rows))


def _table(names: str, row: Callable[[int], str], rows: int) -> str:
    return f"{names}\n" + "".join(f"{row(number)}\n" for number in range(rows))


def _clip(number: int) -> object:
    images = [{"large": "https://img.example/l.jpg", "variant": "MAIN", "hi_res": f"https://img.example/{number}.jpg"}]
    return {
        "main_category": "Beauty",
        "title": f"Clip {number}",
        "average_rating": 4.8,
        "features": ["light", "small"],
        "description": ["Holds."],
        "price": 12.5,
        "images": images,
        "details": {"Brand": "Clip", "UPC": "617390882781", "Color": "Black"},
        "parent_asin": f"B{number:09}",
    }


def _chair(number: int) -> object:
    return {
        "item_id": f"B{number}",
        "item_name": [{_TAG: "en_US", "value": f"Chair {number}"}],
        "brand": [{_TAG: "en_US", "value": "Riverside"}],
        "color": [{_TAG: "en_US", "value": "Oak"}],
        "product_type": [{"value": "CHAIR"}],
        "node": [{"node_name": "/Home/Chairs"}],
        "main_image_id": f"i{number}",
        "domain_name": "shop.example",
    }


def _lamp(number: int) -> object:
    levels = {"class_name": "家居", "sub_class_id": "1", "sub_class_name": "灯具", "subsub_class_name": "FALSE"}
    return {**levels, "img_path": f"Images/1/{number}.jpg", "title": "护眼台灯 LED"}


def _files(rows: int) -> Mapping[str, str]:
    """Return name of a file -> its text."""
    shirt = "Handle,Title,Vendor,Type,Option1 Name,Option1 Value,Variant Price,Image Src"
    cap = "ID,Type,SKU,Name,Published,In stock?,Regular price,Categories,Images,Attribute 1 name,Attribute 1 value(s)"
    shoe = "is_eligible_search,item_id,title,url,brand,image_url,price,availability"
    return {
        "images.csv": _table("image_id,height,width,path", lambda n: f"i{n},1,1,aa/{n}.jpg", rows),
        "abo.jsonl": _lines(_chair, rows),
        "amazon.jsonl": _lines(_clip, rows),
        "marqo.csv": _table("product_id,title,image_local,score_linear", lambda n: f"{n},Lamp {n},./a/{n}.jpg,1", rows),
        "mep3m.jsonl": _lines(_lamp, rows),
        "openai.csv": _table(
            shoe, lambda n: f"true,s{n},Shoe,https://a.example/{n},B,https://a.example/1.jpg,9.99 USD,in_stock", rows
        ),
        "shopify.csv": _table(shirt, lambda n: f"h{n},Shirt,V,T,Size,S,9.00,https://a.example/{n}.jpg", rows),
        "woocommerce.csv": _table(
            cap, lambda n: f"{n},simple,s{n},Cap,1,1,5.00,A > B,https://a.example/{n}.jpg,Colour,Red", rows
        ),
    }


def main() -> None:
    """Print a line per layout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=int, nargs="?", default=40_000)
    rows = parser.parse_args().rows
    with TemporaryDirectory() as folder:
        for name, content in _files(rows).items():
            (Path(folder) / name).write_text(content, "utf-8")
        for path in sorted(Path(folder).iterdir()):
            if path.name == "images.csv":
                continue
            began = time.process_time()
            with open_engine() as connection:
                form = detect(path)
                open_feed(connection, path, form, base="https://files.example/")
                [(read, bad)] = connection.execute("SELECT count(*), count(error) FROM feed").fetchall()
            seconds = time.process_time() - began
            print(f"{form}: {read:,} rows, {bad} unreadable, {read / seconds:,.0f} rows per CPU second")


if __name__ == "__main__":
    main()
