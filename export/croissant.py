"""Croissant metadata of an export."""

import json
from collections.abc import Mapping
from datetime import datetime

from core.modalities import modalities
from core.version import __version__
from export.parquet_shards import shard_columns
from export.rights import Rights
from export.settings import ShardFormat

__all__ = ["croissant"]


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_MIME = {
    "parquet": "application/x-parquet",
    "webdataset": "application/x-tar",
    "links": "application/x-parquet",
    "links-jsonl": "application/jsonl",
    "product1m": "text/plain",
    "m5product": "application/json",
    "mep3m": "application/json",
}


def croissant(
    recipe: str,
    version: int,
    created: datetime | None,
    sizes: Mapping[str, int],
    rights: Mapping[str, Rights],
    form: ShardFormat,
) -> bytes:
    """Return the metadata of an export: a file set for each split, and record sets if the shards are Parquet.

    Args:
        recipe: Name of the split recipe.
        version: Version of the table ``splits`` that was exported.
        created: Time at which the exported dataset version was committed; None: omitted.
        sizes: Split -> samples; splits without any have no files.
        rights: Source -> its rights.
        form: Format of the shards.
    """
    filled = [split for split, size in sizes.items() if size]
    licences = sorted({right.licence for right in rights.values() if right.licence})
    *earlier, last = (modality.meaning for modality in modalities())
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": recipe,
        "description": f"Products with {', '.join(earlier)} and {last}. "
        + "; ".join(f"{split}: {sizes[split]} samples" for split in filled),
        "version": f"{version}.0.0",
        "license": licences or ["not stated"],
        "citeAs": f"{recipe}, version {version}. A multimodal product dataset made with m5data {__version__}.",
        **({"datePublished": created.date().isoformat()} if created else {}),
        "url": "https://example.invalid/" + recipe,
        "distribution": [_files(form, split) for split in filled],
        "recordSet": [_records(split) for split in filled if form == "parquet"],
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _files(form: ShardFormat, split: str) -> dict[str, object]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{form}-{split}",
        "name": f"{form}-{split}",
        "encodingFormat": _MIME[form],
        "includes": f"{split}/*",
    }


def _records(split: str) -> dict[str, object]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "key": {"@id": f"{split}/product_id"},
        "field": [_field(split, column.name, column.croissant) for column in shard_columns() if column.croissant],
    }


def _field(split: str, name: str, kind: str) -> dict[str, object]:
    source: dict[str, object] = {"fileSet": {"@id": f"parquet-{split}"}, "extract": {"column": name}}
    if kind.endswith("Object"):
        source["transform"] = {"jsonPath": "bytes"}
    return {"@type": "cr:Field", "@id": f"{split}/{name}", "name": name, "dataType": kind, "source": source}
