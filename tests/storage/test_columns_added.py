"""Tables that an older version of m5data wrote lack the columns that were added since."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.stage import StageReport
from storage import Store
from storage.tables import TABLES
from storage.tables.data_files import DataFile, rows_sql

AUDIO = TABLES["audio"]
ADDED = [column.name for column in AUDIO.columns if column.may_lack]
ROW = {
    "product_id": "shop:1",
    "video_sha256": "v",
    "mp3": "m",
    "sample_rate": 44_100,
    "duration_s": 1.0,
    "start_s": 0.5,
    "gap_starts_s": [1.0],
    "gap_lengths_s": [2.0],
    "mfcc": "c",
    "n_mfcc": 20,
    "mfcc_frames": 4,
    "mfcc_settings": "{}",
}


def write(folder: Path, name: str, row: dict[str, object]) -> DataFile:
    fields = [AUDIO.schema.field(column) for column in row]
    pq.write_table(pa.Table.from_pylist([row], schema=pa.schema(fields)), folder / name)
    return DataFile(name, 0, (folder / name).stat().st_size, 1)


def test_added_columns_are_null_in_older_files(tmp_path: Path) -> None:
    folder = tmp_path / "tables" / "audio"
    folder.mkdir(parents=True)
    older = write(folder, "older.parquet", {name: value for name, value in ROW.items() if name not in ADDED})
    newer = write(folder, "newer.parquet", {**ROW, "product_id": "shop:2"})
    rows = {"older.parquet": {**ROW, **dict.fromkeys(ADDED)}, "newer.parquet": {**ROW, "product_id": "shop:2"}}
    for files in ([older], [older, newer], [newer]):
        found = duckdb.sql(f"{rows_sql(AUDIO, folder, files)} ORDER BY product_id")
        assert found is not None
        assert found.to_arrow_table().to_pylist() == [rows[file.path] for file in files]


def test_new_rows_stand_beside_those_of_older_files(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "shop", buckets=1)

    def commit(row: dict[str, object], within: list[str] | None) -> None:
        with store.stage("extract", settings="test") as stage:
            stage.write("audio", pa.Table.from_pylist([row], schema=AUDIO.schema), only=[0], within=within)
            stage.commit(StageReport("extract", 1, 1))

    first, second = {**ROW, **dict.fromkeys(ADDED)}, {**ROW, "product_id": "shop:2"}
    commit(first, None)
    for file in (tmp_path / "shop").rglob("audio/**/*.parquet"):
        pq.write_table(pq.read_table(file, partitioning=None).drop_columns(ADDED), file)
    commit(first, None)
    commit(second, ["shop:2"])
    assert store.snapshot().table("audio").to_pylist() == [first, second]
