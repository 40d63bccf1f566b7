"""The dataset card: a README that Hugging Face's hub and ``datasets`` read."""

from collections.abc import Mapping, Sequence

from export.rights import Rights
from export.settings import ShardFormat
from storage import Snapshot

__all__ = ["dataset_card"]


def dataset_card(
    recipe: str,
    snapshot: Snapshot,
    sizes: Mapping[str, int],
    rights: Mapping[str, Rights],
    formats: Sequence[ShardFormat],
) -> str:
    """Return the card of an export.

    Args:
        recipe: Name of the split recipe.
        snapshot: Dataset version that was exported.
        sizes: Split -> samples.
        rights: Source -> what it allows.
        formats: Those that were written.
    """
    return "\n".join((*_header(sizes, formats), *_text(recipe, snapshot, sizes, rights), ""))


def _header(sizes: Mapping[str, int], formats: Sequence[ShardFormat]) -> list[str]:
    loadable = [name for name in formats if name in {"parquet", "webdataset"}]
    lines = ["---", "configs:"] if loadable else ["---"]
    for name in loadable:
        suffix = "parquet" if name == "parquet" else "tar"
        lines += [f"- config_name: {name}", "  data_files:"]
        for split in (split for split, size in sizes.items() if size):
            # a dash is not allowed in the name of a Hugging Face split
            lines += [f"  - split: {split.replace('-', '_')}", f"    path: {name}/{split}/*.{suffix}"]
    return [*lines, "---"]


def _text(recipe: str, snapshot: Snapshot, sizes: Mapping[str, int], rights: Mapping[str, Rights]) -> list[str]:
    return [
        f"# {recipe}",
        "",
        "Products with five modalities: image, caption, specification table, video (1 frame a second), audio",
        "(mp3 and MFCC). An absent modality is empty, and said to be absent; nothing is filled in.",
        "",
        "| split | samples |",
        "|---|---:|",
        *(f"| {split} | {size} |" for split, size in sizes.items()),
        "",
        "Every sample names its source and licence:",
        "",
        "| source | licence |",
        "|---|---|",
        *(f"| {source} | {right.licence or 'not stated'} |" for source, right in sorted(rights.items())),
        "",
        "Made with m5data from these table versions: "
        + ", ".join(f"{name} {version}" for name, version in sorted(snapshot.tables.items()))
        + ".",
    ]
