"""Taking samples out of a WebDataset shard."""

import json
from pathlib import Path
from typing import Any

from export.cut import Cut
from export.tar_reading import read_members
from export.webdataset_shards import END, member

__all__ = ["cut_tar", "tar_holds"]

_FACTS = "json"


def tar_holds(path: Path, cut: Cut) -> bool:
    """Tell whether the shard holds or names one of the products."""
    facts = (json.loads(payload) for _, extension, payload in read_members(path) if extension == _FACTS)
    return any(cut.touches(said["product_id"], said["group_id"], said["label"]) for said in facts)


def cut_tar(path: Path, draft: Path, cut: Cut) -> int:
    """Write the shard without the products to ``draft``, a member at a time; return the samples left.

    Samples keep their numbers. The facts of a sample are its first member.
    """
    left, gone = 0, ""
    with draft.open("wb") as file:
        for number, extension, payload in read_members(path):
            if extension == _FACTS:
                said = json.loads(payload)
                gone = number if cut.names(said["product_id"]) else ""
                left += not gone
                payload = _renamed(said, payload, cut)  # noqa: PLW2901 - the member's new content
            if number != gone:
                file.writelines(member(f"{number}.{extension}", [payload]))
        file.write(END)
    return left


def _renamed(said: dict[str, Any], payload: bytes, cut: Cut) -> bytes:
    changed = {name: cut.groups[said[name]] for name in ("group_id", "label") if said[name] in cut.groups}
    return json.dumps({**said, **changed}, ensure_ascii=False, sort_keys=True).encode() if changed else payload
