"""Dataset card of an export: loading code, fields and collection notes."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from core.modalities import modalities
from core.names import number_word
from core.usage import Purpose
from core.version import __version__
from export.parquet_shards import shard_columns
from export.rights import Rights
from export.settings import ShardFormat
from storage import Snapshot

__all__ = ["dataset_card"]

_LOADABLE: Mapping[ShardFormat, str] = {"parquet": "parquet", "webdataset": "tar"}
"""Formats that Hugging Face loads -> extension of their files."""
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
)  # fmt: skip
_ABSENT = "An absent modality is empty, and said to be absent; nothing is filled in."
_ABSENT_IMAGE: Mapping[ShardFormat, str] = {
    "parquet": "An image that is absent is None.",
    "webdataset": "A sample without an image has no member `image.jpg`: None here, and a missing key in `webdataset`.",
}
_AUDIO: Mapping[ShardFormat, str] = {
    "parquet": "`audio` is the bytes of an mp3 file; with torchcodec, `cast_column('audio', Audio())` decodes it.",
    "webdataset": "`audio.mpga` is the bytes of an mp3 file.",
}
_PURPOSES = "`purposes` of a sample names what its shop does not refuse: train, evaluate, search, display."
_COLLECTED = """\
Each source stated that its data may be shared. Pages were fetched only where the source allowed it, within robots.txt
and other opt-outs. Contact details are masked; merchants' names are not in the data. Exact duplicates are gone,
and near duplicates never stand on both sides of train and evaluation.
"""
_SPDX = re.compile(r"[A-Za-z0-9.+-]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_CHOSEN = "product_id in (select product_id from splits where recipe = ? and split <> 'unused')"
_SOURCES = f"""
select source, count(*) as products, min(first_seen) as first, max(last_seen) as last, sum(masked) as masked
from products where {_CHOSEN} group by source order by source
"""  # noqa: S608 - constants
_LANGUAGES = f"""
select split_part(language, '-', 1) as language, count(*) as n from texts where {_CHOSEN} group by 1 order by 2 desc, 1
"""  # noqa: S608 - constants


def dataset_card(
    recipe: str,
    snapshot: Snapshot,
    sizes: Mapping[str, int],
    rights: Mapping[str, Rights],
    form: ShardFormat,
    purpose: tuple[Purpose, Mapping[str, int]],
    where: str | None = None,
) -> str:
    """Return the card of an export.

    Args:
        recipe: Name of the split recipe.
        snapshot: Dataset version that was exported.
        sizes: Split -> samples.
        rights: Source -> its rights.
        form: Format of the shards.
        purpose: Purpose of the export, and kind of signal -> samples that it excludes.
        where: Condition that the products meet; None: all were exported.
    """
    every = modalities()
    listed = ", ".join(one.meaning + (f"\n({one.details})" if one.details else "") for one in every)
    return "\n".join(
        (
            "---",
            *_header(recipe, snapshot, sizes, rights),
            *_configs(sizes, form),
            "---",
            f"# {recipe}",
            "",
            f"Products with {number_word(len(every))} modalities: {listed}. {_ABSENT}",
            "",
            *_condition(where),
            "| split | samples |",
            "|---|---:|",
            *(f"| {split} | {size} |" for split, size in sizes.items()),
            "",
            *_loading(sizes, form),
            *_fields(form),
            *_purpose(*purpose),
            *_collection(recipe, snapshot, rights),
            "",
        )
    )


def _condition(where: str | None) -> Iterator[str]:
    if where is not None:
        yield from ("A part of the dataset: only the products that meet this condition on the view `catalogue`.", "")
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", where)), default=0))
        yield from (f"{fence}sql", where, fence, "")


def _header(recipe: str, snapshot: Snapshot, sizes: Mapping[str, int], rights: Mapping[str, Rights]) -> Iterator[str]:
    """Yield the metadata that Hugging Face reads."""
    yield f"pretty_name: {recipe}"
    licences = {right.licence or "" for right in rights.values()}
    single = licences.pop() if len(licences) == 1 else ""
    yield f"license: {single.lower() if _SPDX.fullmatch(single) else 'other'}"
    found = [row["language"] for row in snapshot.sql(_LANGUAGES, [recipe]).to_pylist()]
    languages = [one for one in found if _LANGUAGE.fullmatch(one) and one not in ("und", "zxx")]
    if languages:
        yield from ("language:", *(f"- {language}" for language in languages))
    total = sum(sizes.values())
    yield from ("size_categories:", f"- {next((name for most, name in _SIZES if total < most), '1B<n<10B')}")
    yield from ("tags:", "- multimodal", "- products")


def _configs(sizes: Mapping[str, int], form: ShardFormat) -> Iterator[str]:
    if form in _LOADABLE:
        yield from ("configs:", f"- config_name: {form}", "  data_files:")
        for split in (split for split, size in sizes.items() if size):
            yield from (f"  - split: {_loaded(split)}", f"    path: {split}/*.{_LOADABLE[form]}")


def _loaded(split: str) -> str:
    """Return the split's name for Hugging Face, which allows no dashes."""
    return split.replace("-", "_")


def _loading(sizes: Mapping[str, int], form: ShardFormat) -> Iterator[str]:
    first = next((split for split in sorted(sizes, key=lambda one: one != "train") if sizes[split]), None)
    if form not in _LOADABLE or first is None:
        return
    yield from ("## Loading", "", "```", "pip install datasets pillow", "```", "")
    yield from ("```python", "from datasets import load_dataset", "")
    yield f'samples = load_dataset("FOLDER", "{form}", split="{_loaded(first)}")'
    yield from ("```", "", "`FOLDER` is the folder of this file, or its name on a hub.", "", _ABSENT_IMAGE[form])
    yield from ("", _AUDIO[form], "")


def _fields(form: ShardFormat) -> Iterator[str]:
    if form == "parquet":
        yield from ("## Columns", "", "| column | type |", "|---|---|")
        yield from (f"| `{column.name}` | {_plain_type(str(column.type))} |" for column in shard_columns())
        yield ""


def _plain_type(name: str) -> str:
    return re.sub(r"\bstruct\b|\bitem: |\belement: |<|>", lambda found: {"<": "(", ">": ")"}.get(found[0], ""), name)


def _purpose(purpose: Purpose, refused: Mapping[str, int]) -> Iterator[str]:
    yield from ("## What it may be used for", "", f"Exported to {purpose}. {_PURPOSES}", "")
    if refused:
        named = ", ".join(f"{count:,} by {signal}" for signal, count in sorted(refused.items()))
        yield from (f"Left out, because their shop refuses that: {named}.", "")


def _collection(recipe: str, snapshot: Snapshot, rights: Mapping[str, Rights]) -> Iterator[str]:
    yield from ("## How it came about", "", "Every sample names its source and licence:", "")
    yield from (
        "| source | licence | products | first seen | last seen | contact details masked |",
        "|---|---|---:|---|---|---:|",
    )
    for row in snapshot.sql(_SOURCES, [recipe]).to_pylist():
        licence = rights[row["source"]].licence if row["source"] in rights else ""
        days = f"{_day(row['first'])} | {_day(row['last'])}"
        yield f"| {row['source']} | {licence or 'not stated'} | {row['products']} | {days} | {row['masked']} |"
    yield from (
        "",
        _COLLECTED,
        f"Made with m5data {__version__} from these table versions: "
        + ", ".join(f"{name} {version}" for name, version in sorted(snapshot.tables.items()))
        + ".",
    )


def _day(when: datetime | None) -> str:
    return "–" if when is None else when.date().isoformat()
