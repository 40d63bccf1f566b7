"""Files of rows: texts stay in their fields, settings limit the length of files, finished files are not rewritten."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from core.stage import StageReport
from export.folders import LocalFolder
from export.manifest import Claim
from export.product1m_files import product1m_lines
from export.rights import Use
from export.row_files import LineFile, write_row_files
from export.shards import Shard, Target
from storage import Store
from storage.location import FolderLocation
from storage.spool import Spool
from tests.export.synthetic import product, rows

WHITE = "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1))))


@pytest.mark.parametrize(
    ("caption", "field"),
    [
        (f" 红色{WHITE}茶壶\n", "红色 茶壶"),
        ("five ##### signs", "five ＃＃＃＃# signs"),
        ("#red#;#blue#:", "red＃;#blue＃:"),
        ("#", ""),
    ],
)
def test_text_that_looks_like_a_separator_stays_in_its_field(store: Store, caption: str, field: str) -> None:
    with store.stage("more", settings="") as stage:
        stage.write("products", rows("products", product(1, caption), product(2, None)))
        label = {"product_id": "shop:1", "class_name": "x#;#y", "sub_class_name": "", "subsub_class_name": "z"}
        stage.write("labels", rows("labels", label))
        stage.commit(StageReport("more", 2, 2))
    lines = [(split, text.as_py()) for split, texts in _lines(store) for text in texts["line"]]
    url = "https://shop.example/"
    uses = "train#;#evaluate#;#search#;#display"
    assert sorted(lines) == [
        ("train", f"shop:1#####{field}#####{url}1#####{url}i#####x＃;#y#;#z#####{uses}\n"),
        ("train", f"shop:2##########{url}2#####{url}i##########{uses}\n"),
    ]


def _lines(store: Store) -> Iterator[tuple[str, pa.RecordBatch]]:
    return product1m_lines(store.snapshot(), "demo", ("query-c", "train"), None, Use("train"))


def test_files_end_with_the_line_that_fills_them_and_finished_ones_stay(tmp_path: Path) -> None:
    rows = [("a", ["1111\n", "2222\n"]), ("b", ["3\n"]), ("a", ["44\n", "5555\n", "6\n"])]
    with pytest.raises(OSError, match="pulled"):
        _write(tmp_path, rows, fails=True)
    first = (tmp_path / "product1m/a/00000.txt").stat().st_ino
    files = _write(tmp_path, rows)
    contents = {path.relative_to(tmp_path / "product1m").as_posix(): path.read_text() for path in _texts(tmp_path)}
    assert contents == {
        "a/00000.txt": "1111\n2222\n",
        "a/00001.txt": "44\n5555\n",
        "a/00002.txt": "6\n",
        "b/00000.txt": "3\n",
    }
    assert [(one.file, one.samples, one.bytes) for one in files["a"]] == [
        ("00000.txt", 2, 10),
        ("00001.txt", 2, 8),
        ("00002.txt", 1, 2),
    ]
    assert (tmp_path / "product1m/a/00000.txt").stat().st_ino == first


def _texts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.txt"))


def _write(folder: Path, rows: list[tuple[str, list[str]]], *, fails: bool = False) -> dict[str, list[Shard]]:
    place = folder / "product1m"
    target = Target(Claim(LocalFolder(place), place), str(place), "product1m", 8, {}, (), "fingerprint")
    target.claim.begin()

    def batches() -> Iterator[tuple[str, pa.RecordBatch]]:
        yield from ((split, pa.record_batch({"line": ["x", *lines]}).slice(1)) for split, lines in rows)
        if fails:
            raise OSError("the plug was pulled")

    spool = Spool(FolderLocation(folder), "spool/export/0")
    return write_row_files(target, batches(), ("a", "b"), spool, lambda _: None, LineFile, ".txt")
