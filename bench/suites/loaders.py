"""Subject loaders: facts that the tests of datasets and webdataset assert, asked of an export of the demo shops.

A case names one of the checks below.
"""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import PIL.Image
import pyarrow.parquet as pq

from bench.suites.cases import Case, Result, judge, read_cases


def make_export(folder: Path) -> Path:
    """Run the pipeline on the demo shops; return the folder of shards in both formats."""
    command = [sys.executable, "-c", "from m5data.cli.main import main; main()", "demo", str(folder), "--size", "tiny"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "shards" / "demo"


def results(folder: Path) -> Iterator[Result]:
    """Yield the result of each case."""
    with tempfile.TemporaryDirectory() as scratch:
        # Set before datasets is imported: it would ask the network, and write into the user's home
        os.environ |= {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": f"{scratch}/hub"}
        export = Export.open(make_export(Path(scratch) / "demo"))
        for case in read_cases(folder):
            yield judge("check", case, case["check"], _judged, export, case)


def _judged(export: "Export", case: Case) -> tuple[object, object, bool]:
    is_right = CHECKS[case["check"]](export)
    return case["fact"], is_right, is_right


@dataclass(frozen=True, slots=True)
class Export:
    """The files of an export, by split, and the readers' ways to open them."""

    root: Path
    tars: Mapping[str, list[str]]
    parquet: Mapping[str, list[str]]

    @classmethod
    def open(cls, root: Path) -> Self:
        """Find the files below ``webdataset`` and ``parquet``."""
        return cls(root, _files(root / "webdataset", "*.tar"), _files(root / "parquet", "*.parquet"))

    def tar_splits(self) -> dict[str, Any]:
        """Return the tar files as a ``datasets.Dataset`` for each split."""
        return dict(_loaded("webdataset", data_files=dict(self.tars)))

    def parquet_splits(self) -> dict[str, Any]:
        """Return the Parquet files as a ``datasets.Dataset`` for each split."""
        return dict(_loaded("parquet", data_files=dict(self.parquet)))


def _files(folder: Path, pattern: str) -> dict[str, list[str]]:
    splits = {part.name.replace("-", "_"): sorted(map(str, part.glob(pattern))) for part in sorted(folder.iterdir())}
    return {split: paths for split, paths in splits.items() if paths}


def _loaded(kind: str, **options: object) -> Any:  # noqa: ANN401  the package has no types
    import datasets  # noqa: PLC0415 - it reads the environment when it is imported

    datasets.disable_progress_bars()
    return datasets.load_dataset(kind, **options)


def _members(path: str) -> list[str]:
    with tarfile.open(path) as tar:
        return [member.name for member in tar if member.isfile()]


def _keys(paths: Iterable[str]) -> list[str]:
    """Return the key of each sample, in order: the name up to its first dot."""
    return list(dict.fromkeys(name.partition(".")[0] for path in paths for name in _members(path)))


def _image_columns(rows: Any) -> list[str]:  # noqa: ANN401  the package has no types
    from datasets import Image  # noqa: PLC0415 - see _loaded

    kinds = {name: getattr(feature, "feature", feature) for name, feature in rows.features.items()}
    return [name for name, kind in kinds.items() if isinstance(kind, Image)]


def _are_images(values: Iterable[object]) -> bool:
    """Return whether there are values, and each is an image or a list of images."""
    lists = (value if isinstance(value, list) else [value] for value in values if value is not None)
    flat = [one for value in lists for one in value]
    return bool(flat) and all(isinstance(one, PIL.Image.Image) for one in flat)


def _same_counts(export: Export) -> bool:
    counts = {split: rows.num_rows for split, rows in export.tar_splits().items()}
    return counts == {split: len(_keys(paths)) for split, paths in export.tars.items()}


def _key_columns(export: Export) -> bool:
    return all(
        {"__key__", "__url__"} <= set(rows.column_names) and len(set(rows["__key__"])) == rows.num_rows
        for rows in export.tar_splits().values()
    )


def _json_is_a_mapping(export: Export) -> bool:
    first = next(iter(export.tar_splits().values()))[0]["json"]
    return isinstance(first, dict) and isinstance(first["caption"], str)


def _pictures_decode(export: Export) -> bool:
    rows = next(iter(export.tar_splits().values()))
    names = _image_columns(rows)
    return _are_images(row[name] for row in rows for name in names)


def _absent_is_none(export: Export) -> bool:
    return all(set(row) == set(rows.column_names) for rows in export.tar_splits().values() for row in rows)


def _names_split_at_the_first_dot(export: Export) -> bool:
    return all(_is_sound_tar(path) for paths in export.tars.values() for path in paths)


def _is_sound_tar(path: str) -> bool:
    """Return whether each member is ``key.extension``, and a key's members stand together."""
    keys: list[str] = []
    for name in _members(path):
        key, dot, extension = Path(name).name.partition(".")
        if not (key and dot and extension) or name != name.strip("/"):
            return False
        if not keys or keys[-1] != key:
            keys.append(key)
    return len(keys) == len(set(keys))


def _streaming_is_complete(export: Export) -> bool:
    options = {"split": "train", "streaming": True}
    return all(
        sum(1 for _ in _loaded("webdataset", data_files={"train": paths}, **options)) == len(_keys(paths))
        for paths in export.tars.values()
    )


def _webdataset_reads_all(export: Export) -> bool:
    return all(_is_read_by_webdataset(paths) for paths in export.tars.values())


def _is_read_by_webdataset(paths: list[str]) -> bool:
    import webdataset  # noqa: PLC0415 - it imports torch, which takes seconds

    samples = list(webdataset.WebDataset(paths, shardshuffle=False, nodesplitter=None).decode("pil"))
    keys = [sample["__key__"].rpartition("/")[2] for sample in samples]
    return keys == [key.rpartition("/")[2] for key in _keys(paths)] and all(
        isinstance(sample["json"], dict) for sample in samples
    )


def _parquet_counts(export: Export) -> bool:
    counts = {split: rows.num_rows for split, rows in export.parquet_splits().items()}
    return counts == {s: sum(pq.read_metadata(path).num_rows for path in paths) for s, paths in export.parquet.items()}


def _parquet_image_type(export: Export) -> bool:
    every = [path for paths in export.parquet.values() for path in paths]
    rows = _loaded("parquet", data_files=every, split="train")
    return _are_images(value for name in _image_columns(rows) for value in rows[name][:20])


def _parquet_columns(export: Export) -> bool:
    first = next(iter(export.parquet.values()))[0]
    names = pq.read_schema(first).names[:2]
    rows = _loaded("parquet", data_files=[first], columns=names, split="train")
    return bool(rows.column_names == names)


def _folder_alone(export: Export) -> bool:
    forms = {"parquet": export.parquet, "webdataset": export.tars}
    return all(set(_loaded(str(export.root / form))) == set(splits) for form, splits in forms.items())


def _same_products(export: Export) -> bool:
    parquet = export.parquet_splits()
    return all(
        sorted(row["json"]["product_id"] for row in rows) == sorted(parquet[split]["product_id"])
        for split, rows in export.tar_splits().items()
    )


def _pictures_equal(export: Export) -> bool:
    from datasets import Image  # noqa: PLC0415 - see _loaded

    rows = next(iter(export.tar_splits().values()))
    name = _image_columns(rows)[0]
    stored = rows.cast_column(name, Image(decode=False))[name]
    return all(value is None or PIL.Image.open(io.BytesIO(value["bytes"])).size for value in stored)


CHECKS: Mapping[str, Callable[[Export], bool]] = {
    "same_counts": _same_counts,
    "key_columns": _key_columns,
    "json_is_a_mapping": _json_is_a_mapping,
    "pictures_decode": _pictures_decode,
    "absent_is_none": _absent_is_none,
    "names_split_at_the_first_dot": _names_split_at_the_first_dot,
    "streaming_is_complete": _streaming_is_complete,
    "webdataset_reads_all": _webdataset_reads_all,
    "parquet_counts": _parquet_counts,
    "parquet_image_type": _parquet_image_type,
    "parquet_columns": _parquet_columns,
    "folder_alone": _folder_alone,
    "same_products": _same_products,
    "pictures_equal": _pictures_equal,
}
"""Name of a case's check -> the check."""
