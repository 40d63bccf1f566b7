"""The stage ``image_text``: each image is read once, even if switched off and on; contact details; repetition."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFont

from core.errors import SettingsError
from core.stage import StageReport
from extract import image_text_stage
from extract.image_text_stage import count_unread, mask_lines, run
from extract.ocr.lines import TextLine
from extract.ocr.reader import read_text
from extract.settings import ExtractSettings, ImageSettings
from storage import Store
from storage.tables import TABLES
from storage.tasks import Runner, in_process
from tests.export.synthetic import rows
from tests.extract.word_reader import WordReader
from tests.storage.synthetic import product

INSTALLED = all(map(find_spec, ("rapidocr", "onnxruntime")))
needs_extra = pytest.mark.skipif(not INSTALLED, reason="the extra ocr is not installed")
ON, OFF = ExtractSettings(ocr=True, workers=1), ExtractSettings(workers=1)


def picture(*texts: str) -> bytes:
    """Return an image with the texts one below the other."""
    image = Image.new("RGB", (640, 40 + 90 * len(texts)), "white")
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(texts):
        draw.text((30, 25 + 90 * number), text, fill="black", font=ImageFont.load_default(42))
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


Item = tuple[str, int, bytes]
"""Product, position, bytes."""


def fill(store: Store, items: Sequence[Item], merchant: str | None = None) -> list[str]:
    """Write ``products`` and ``media``; return the hash of each image."""
    names = sorted({name for name, _, _ in items})
    with store.stage("download", settings=str(len(items))) as stage:
        with store.objects.writer("media") as writer:
            shas = [writer.put(data, mime="image/png", url="http://127.0.0.1/x") for _, _, data in items]
        stage.write("products", rows("products", *(product(name) | {"merchant": merchant} for name in names)))
        known = {"kind": "image", "url": "http://127.0.0.1/x", "state": "ok", "attempts": 1}
        media = [
            {**known, "product_id": name, "position": position, "sha256": sha, "bytes": len(data)}
            for (name, position, data), sha in zip(items, shas, strict=True)
        ]
        stage.write("media", pa.Table.from_pylist(media, schema=TABLES["media"].schema))
        stage.commit(StageReport("download", len(items), len(items)))
    return shas


def content(store: Store) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = store.snapshot().table("image_text").to_pylist()
    return rows


def counted(report: StageReport) -> StageReport:
    return replace(report, seconds=0.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "shop", buckets=2)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read images with ``WordReader``, whether or not the extra is installed."""
    monkeypatch.setattr("extract.image_text_stage.ImageReader", WordReader)
    monkeypatch.setattr(image_text_stage, "find_spec", lambda name: name)


SHOP: Sequence[Item] = (
    ("a:1", 0, b"100% cotton|call 13800138000"),
    ("a:1", 1, b""),
    ("a:2", 0, b"100% cotton|call 13800138000"),
    ("a:2", 3, b"broken"),
)


@pytest.mark.usefixtures("words")
def test_each_image_is_read_once_and_each_without_text_has_a_reason(store: Store) -> None:
    shas = fill(store, SHOP)
    report = run(store, ON)
    assert counted(report) == StageReport("image_text", 3, 1, {"image_broken": 1, "no_text": 1})
    assert [(r["product_id"], r["position"], r["line"], r["text"], r["contact"]) for r in content(store)] == [
        ("a:1", 0, 0, "100% cotton", None),
        ("a:1", 0, 1, "call 〈phone〉", "phone"),
        ("a:2", 0, 0, "100% cotton", None),
        ("a:2", 0, 1, "call 〈phone〉", "phone"),
    ]
    assert {r["sha256"] for r in content(store)} == {shas[0]}
    assert content(store)[1]["y0"] == 20
    assert run(store, ON).unchanged


@pytest.mark.usefixtures("words")
@pytest.mark.parametrize("runner", [None, in_process])
def test_the_result_does_not_depend_on_partitions(store: Store, tmp_path: Path, runner: Runner | None) -> None:
    other = Store.create(tmp_path / "other", buckets=2)
    for one in (store, other):
        fill(one, SHOP)
    run(store, ON)
    run(other, ON.model_copy(update={"partition_items": 1}), runner=runner)
    assert content(other) == content(store)


@pytest.mark.usefixtures("words")
def test_a_new_image_alone_is_read_and_off_and_on_reads_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, SHOP[:2])
    run(store, ON)
    before = content(store)
    read: list[str] = []
    reading = store.objects.read

    def note(sha256: str) -> bytes:
        read.append(sha256)
        return reading(sha256)

    monkeypatch.setattr(store.objects, "read", note)
    run(store, OFF)
    assert content(store) == before
    assert counted(run(store, ON)) == StageReport("image_text", 2, 1, {"no_text": 1})
    assert (content(store), read) == (before, [])
    shas = fill(store, [*SHOP[:2], ("a:9", 0, b"silk")])
    assert counted(run(store, OFF)) == StageReport("image_text", 2, 1, {"no_text": 1})
    assert count_unread(store.snapshot(), OFF) == 0
    assert count_unread(store.snapshot(), ON) == 1
    run(store, ON)
    assert read == [shas[2]]
    assert count_unread(store.snapshot(), ON) == 0


@pytest.mark.usefixtures("words")
def test_text_of_images_that_are_gone_goes_also_while_off(store: Store) -> None:
    fill(store, SHOP)
    run(store, ON)
    fill(store, SHOP[:2])
    run(store, OFF)
    assert {r["product_id"] for r in content(store)} == {"a:1"}


def test_while_off_there_is_no_table_and_no_work(store: Store) -> None:
    fill(store, SHOP)
    assert counted(run(store, OFF)) == StageReport("image_text", 0, 0)
    fill(store, SHOP[:2])
    assert run(store, OFF).unchanged
    assert "image_text" not in store.snapshot().tables


def test_without_the_extra_the_error_says_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_text_stage, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"extract\.ocr is true.*pip install 'm5data\[ocr\]'"):
        run(store, ON)


@pytest.mark.usefixtures("words")
def test_what_many_images_of_a_merchant_share_is_repeated(store: Store) -> None:
    shared = [(f"a:{n}", 0, f"Blue Hill Shop|cup number {n}|call 13800138000".encode()) for n in range(4)]
    fill(store, [*shared, ("a:8", 0, b"Blue Hill"), ("a:9", 0, b"cup number 1")])
    run(store, ON)
    assert {(r["product_id"], r["text"]) for r in content(store) if r["repeated"]} == {
        (f"a:{n}", "Blue Hill Shop") for n in range(4)
    }


@pytest.mark.usefixtures("words")
def test_an_image_of_a_single_product_shown_again_is_no_repetition(store: Store) -> None:
    fill(store, [("a:1", n, f"Blue Hill|view {n}".encode()) for n in range(5)])
    run(store, ON)
    assert not any(r["repeated"] for r in content(store))


@needs_extra
def test_images_are_read_in_processes(store: Store) -> None:
    fill(store, [("a:1", 0, picture("Material: 100% cotton", "Size 25 x 30 cm")), ("a:1", 1, b"no image")])
    report = run(store, ON)
    assert counted(report) == StageReport("image_text", 2, 1, {"not_an_image": 1})
    found = content(store)
    assert [str(r["text"]).replace(" ", "") for r in found] == ["Material:100%cotton", "Size25x30cm"]
    first = found[0]
    assert 15 < int(str(first["x0"])) < 45
    assert 15 < int(str(first["y0"])) < 45
    assert float(str(first["confidence"])) > 0.8


@needs_extra
def test_text_is_found_in_the_whole_of_a_long_image() -> None:
    image = Image.new("RGB", (300, 2600), "white")
    draw = ImageDraw.Draw(image)
    for number in range(12):
        draw.text((20, 20 + number * 215), f"number {number}", fill="black", font=ImageFont.load_default(40))
    buffer = BytesIO()
    image.save(buffer, "PNG")
    lines = read_text(buffer.getvalue(), ImageSettings())
    assert isinstance(lines, list)
    assert [line.text.replace(" ", "") for line in lines] == [f"number{n}" for n in range(12)]
    assert all(abs(line.bounds[1] - 25 - n * 215) < 20 for n, line in enumerate(lines))


def masked(*texts: str) -> list[tuple[str, str | None]]:
    return mask_lines([TextLine(text, 0.9, (0, 0, 9, 0, 9, 9, 0, 9)) for text in texts])


def test_contact_details_are_masked_and_named() -> None:
    assert masked("加微信：demo_123456 电话：13800138000", "纯棉 500ml") == [
        ("加微信：〈wechat〉 电话：〈phone〉", "phone, wechat"),
        ("纯棉 500ml", None),
    ]


def test_a_short_line_before_is_the_label() -> None:
    assert masked("微信号：", "abc-12345") == [("微信号：", None), ("〈wechat〉", "wechat")]
    assert masked("QQ", "123456789") == [("QQ", None), ("〈qq〉", "qq")]
    assert masked("货号", "13800138000") == [("货号", None), ("13800138000", None)]


def test_a_long_line_before_is_no_label() -> None:
    assert masked("我们的微信每天都会发布新品", "abc-12345")[1] == ("abc-12345", None)
