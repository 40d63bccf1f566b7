"""Published datasets as feeds: the rows of small samples in their layouts, and of samples that are damaged."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import FeedError
from crawler.feeds import detect
from crawler.feeds.layouts import layouts
from tests.crawler.feeds.test_formats import contents, file

IMAGES = "http://127.0.0.1:8000/images/"


def read(path: Path, base: str = IMAGES) -> list[tuple[int | None, object]]:
    return contents(layouts()[detect(path)].read(path, base))


def lines(*values: object) -> str:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)


LAMP = {
    "class_id": "7",
    "class_name": "家居",
    "sub_class_id": "12",
    "sub_class_name": "灯具",
    "subsub_class_id": "FALSE",
    "subsub_class_name": "FALSE",
    "img_path": "Images/12/4.jpg",
    "img_resolution": [220, 220, 3],
    "title": "护眼台灯 LED",
    "OCR": "FALSE",
}


@pytest.mark.parametrize("indent", [None, 4])
def test_mep3m_has_three_levels_and_one_image(tmp_path: Path, indent: int | None) -> None:
    desk = {**LAMP, "img_path": "Images/12/5.png", "subsub_class_id": "601", "subsub_class_name": "台灯"}
    path = file(tmp_path, json.dumps([LAMP, desk], ensure_ascii=False, indent=indent), "annotation.json")
    one = {"url": f"{IMAGES}Images/12/4.jpg", "image_urls": (f"{IMAGES}Images/12/4.jpg",), "title": "护眼台灯 LED"}
    two = {"url": f"{IMAGES}Images/12/5.png", "image_urls": (f"{IMAGES}Images/12/5.png",), "title": "护眼台灯 LED"}
    assert detect(path) == "mep3m"
    assert read(path) == [
        (None, {"id": "Images/12/4.jpg", "category": ("家居", "灯具"), **one}),
        (None, {"id": "Images/12/5.png", "category": ("家居", "灯具", "台灯"), **two}),
    ]


def test_mep3m_rows_with_missing_and_wrong_values(tmp_path: Path) -> None:
    path = file(tmp_path, json.dumps([LAMP, {"title": "x"}, 3, {**LAMP, "img_path": 5}, {**LAMP, "title": []}]))
    [good, *bad] = [row for _, row in read(path, base="")]
    assert str(good).startswith("url: Images/12/4.jpg is relative, and sources.NAME.feed_base")
    assert bad[1] == "row: not an object"
    assert [row for _, row in read(path)][1:] == [
        {"title": "x"},
        "row: not an object",
        {"id": "5", "title": "护眼台灯 LED", "category": ("家居", "灯具")},
        "title: input should be a valid string",
    ]


PAIR = {"query": "led lamp", "product_id": "9001", "position": "1", "title": "Desk lamp, LED", "score_linear": "100"}
CORPUS = {"9001": {"title": "Desk lamp, LED", "image_local": "/data/images/ab cd.webp"}, "9002": {"title": "Shade"}}
ROW = {
    "id": "9001",
    "url": f"{IMAGES}ab%20cd.webp",
    "title": "Desk lamp, LED",
    "image_urls": (f"{IMAGES}ab%20cd.webp",),
}


def test_marqo_pairs_and_corpora(tmp_path: Path) -> None:
    header = "query,product_id,position,title,image_local,score_linear"
    table = file(tmp_path, f'{header}\n"led lamp",9001,1,"Desk lamp, LED","./images/ab cd.webp",100\n')
    corpus = file(tmp_path, json.dumps(CORPUS), "corpus_1.json")
    assert (detect(table), detect(corpus)) == ("marqo", "marqo")
    assert read(table) == [(2, ROW)]
    assert read(corpus) == [(None, ROW), (None, {"id": "9002", "title": "Shade"})]


def test_marqo_parquet_is_read_without_its_images(tmp_path: Path) -> None:
    path = tmp_path / "in_domain.parquet"
    image = pa.array(
        [{"bytes": b"\xff\xd8", "path": "ab cd.webp"}], pa.struct({"bytes": pa.binary(), "path": pa.string()})
    )
    columns = {name: [value] for name, value in PAIR.items()}
    pq.write_table(pa.table({"image": image, **columns}), path)
    assert detect(path) == "marqo"
    assert read(path) == [(None, ROW)]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FeedError, match=r"in_domain\.parquet: the file is damaged"):
        contents(layouts()["marqo"].read(path, IMAGES))


ITEM = {
    "main_category": "All Beauty",
    "title": "Hair clip, 2 pieces",
    "average_rating": 4.8,
    "rating_number": 10,
    "features": ["Holds", "Light"],
    "description": [],
    "price": 12.5,
    "images": [
        {
            "thumb": "https://img.example/t2.jpg",
            "large": "https://img.example/l2.jpg",
            "variant": "PT01",
            "hi_res": None,
        },
        {
            "thumb": "https://img.example/t1.jpg",
            "large": "https://img.example/l1.jpg",
            "variant": "MAIN",
            "hi_res": "https://img.example/h1.jpg",
        },
    ],
    "videos": [{"title": "v", "url": "https://img.example/vdp/1", "user_id": ""}],
    "store": "Clipworks",
    "categories": ["Beauty", "Hair"],
    "details": {"Brand": "Clip", "Item model number": "C-2", "UPC": "617390882781 617390882782", "Color": "Black"},
    "parent_asin": "B000000001",
    "bought_together": None,
}
ITEM_ROW = {
    "id": "B000000001",
    "url": "https://www.amazon.com/dp/B000000001",
    "title": "Hair clip, 2 pieces",
    "category": ("Beauty", "Hair"),
    "brand": "Clip",
    "price": "12.5000",
    "currency": "USD",
    "gtin": "617390882781",
    "mpn": "C-2",
    "features": ("Holds", "Light"),
    "rating": "4.8",
    "rating_count": "10",
    "image_urls": ("https://img.example/h1.jpg", "https://img.example/l2.jpg"),
    "specs": ({"property": "Color", "value": "Black"},),
}


def test_amazon_reviews_metadata(tmp_path: Path) -> None:
    bare = {"main_category": "Books", "title": "", "price": "None", "images": [], "details": {}, "parent_asin": "B2"}
    wrong = [
        {**ITEM, "details": 7},
        {**ITEM, "images": "x", "categories": 3},
        {**ITEM, "parent_asin": None},
        {**ITEM, "store": {}},
    ]
    path = file(tmp_path, lines(ITEM, bare, *wrong) + "{broken\n")
    unnamed = {name: value for name, value in ITEM_ROW.items() if name not in {"id", "url"}}
    poor = {name: value for name, value in ITEM_ROW.items() if name != "image_urls"}
    assert detect(path) == "amazon-reviews-2023"
    assert read(path, base="") == [
        (1, ITEM_ROW),
        (
            2,
            {"id": "B2", "url": "https://www.amazon.com/dp/B2", "title": "", "category": ("Books",), "currency": "USD"},
        ),
        (3, "details: must be an object"),
        (4, {**poor, "category": ("All Beauty",)}),
        (5, unnamed),
        (6, ITEM_ROW),
        (7, "column 2: not valid JSON"),
    ]


def test_amazon_reviews_parquet_has_details_as_json(tmp_path: Path) -> None:
    images = {key: [image[key] for image in ITEM["images"]] for key in ("hi_res", "large", "thumb", "variant")}  # type: ignore[attr-defined]
    row = {**ITEM, "images": images, "details": json.dumps(ITEM["details"]), "price": "12.5", "videos": None}
    path = tmp_path / "full.parquet"
    pq.write_table(pa.Table.from_pylist([row, {**row, "details": "{"}]), path)
    assert detect(path) == "amazon-reviews-2023"
    assert read(path) == [(None, {**ITEM_ROW, "price": "12.5"}), (None, "details: not valid JSON")]


CHAIR = {
    "item_dimensions": {"height": {"normalized_value": {"unit": "cm", "value": 84}, "unit": "inches", "value": 33}},
    "item_weight": [{"normalized_value": {"unit": "pounds", "value": 24.2}, "unit": "kilograms", "value": 11}],
    "brand": [{"language_tag": "en_US", "value": "Riverside"}],
    "bullet_point": [{"language_tag": "en_US", "value": "Solid oak"}],
    "color": [{"language_tag": "es_MX", "value": "Roble"}, {"language_tag": "en_US", "value": "Oak"}],
    "item_id": "B07CHAIR01",
    "item_name": [{"language_tag": "es_MX", "value": "Silla"}, {"language_tag": "en_US", "value": "Dining chair"}],
    "product_type": [{"value": "CHAIR"}],
    "main_image_id": "71Xa",
    "other_image_id": ["81Yb", "gone"],
    "node": [{"node_id": 1, "node_name": "/Home/Furniture/Chairs"}],
    "model_number": [{"value": "RC-1"}],
    "domain_name": "shop.example",
    "country": "US",
}  # fmt: skip
CHAIR_ROW = {
    "id": "B07CHAIR01",
    "url": "https://www.shop.example/dp/B07CHAIR01",
    "title": "Dining chair",
    "category": ("Home", "Furniture", "Chairs"),
    "brand": "Riverside",
    "mpn": "RC-1",
    "features": ("Solid oak",),
    "image_urls": (
        "https://amazon-berkeley-objects.s3.amazonaws.com/images/original/14/71.jpg",
        "https://amazon-berkeley-objects.s3.amazonaws.com/images/original/da/81.jpg",
    ),
    "specs": (
        {"property": "color", "value": "Oak"},
        {"property": "product type", "value": "CHAIR"},
        {"property": "item height", "value": "33 inches"},
        {"property": "item weight", "value": "11 kilograms"},
    ),
}


@pytest.mark.parametrize("folder", ["listings/metadata", "."])
def test_abo_listings_with_their_images(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    table = tmp_path / (folder if folder == "." else "images/metadata") / "images.csv.gz"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(gzip.compress(b"image_id,height,width,path\n71Xa,10,10,14/71.jpg\n81Yb,10,10,da/81.jpg\n"))
    spanish = {"item_id": "B2", "item_name": CHAIR["item_name"][:1], "main_image_id": 7, "domain_name": None}  # type: ignore[index]
    path = tmp_path / folder / "listings_0.json.gz"
    path.write_bytes(
        gzip.compress(lines(CHAIR).encode()) + gzip.compress(lines(spanish, {**CHAIR, "node": 1}).encode())
    )
    assert detect(path) == "abo"
    assert read(path, base="") == [
        (1, CHAIR_ROW),
        (2, {"id": "B2", "title": "Silla"}),
        (3, "node: must be a list of objects"),
    ]
    assert [one.resolve() for one in layouts()["abo"].companions(path)] == [table.resolve()]


def test_abo_listings_without_their_images(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"images\.csv\.gz of the dataset is missing\. Put it into the folder"):
        read(file(tmp_path, lines(CHAIR)))
