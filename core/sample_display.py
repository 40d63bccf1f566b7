"""Display of a sample: one line of sizes in a terminal, a card in a notebook."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

import numpy as np

__all__ = ["sample_card", "sample_line"]

_LONGEST = 60
_LONGEST_SHOWN = 300
"""Characters of a text in a card."""
_LINES = 12
_LARGEST_IMAGE = 1 << 21
"""Largest image that a card shows, in bytes."""
_IMAGE_TYPES = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"))


def sample_line(sample: Any) -> str:  # noqa: ANN401 - a dataclass
    """Return ``Sample(name=value, …)`` with sizes in place of bytes and arrays, and long texts cut."""
    return f"Sample({', '.join(f'{one.name}={_short(getattr(sample, one.name))}' for one in fields(sample))})"


def sample_card(sample: Any, present: Mapping[str, bool]) -> str:  # noqa: ANN401 - a sample
    """Return HTML with the image, the caption, the first specifications, and which modalities are present."""
    states = " ".join(f"{'●' if there else '○'}&nbsp;{escape(name)}" for name, there in present.items())
    lines = "".join(
        f"<tr><th style='text-align:left'>{escape(_cut(one.property, _LONGEST))}</th>"
        f"<td style='text-align:left'>{escape(_cut(one.value, _LONGEST_SHOWN))}</td></tr>"
        for one in sample.specs[:_LINES]
    )
    facts = " · ".join(escape(one) for one in (sample.product_id, sample.split, sample.role) if one)
    caption = _cut(sample.caption or "–", _LONGEST_SHOWN)
    return (
        "<div style='display:flex;gap:1em;align-items:flex-start'>"
        f"{_image(sample.image)}<div><b>{escape(caption)}</b><br><small>{facts}<br>{states}</small>"
        f"<table>{lines}</table></div></div>"
    )


def _image(data: bytes | None) -> str:
    kind = next((kind for start, kind in _IMAGE_TYPES if data and data.startswith(start)), None)
    if data is None or kind is None or len(data) > _LARGEST_IMAGE:
        return ""
    return (
        f"<img alt='' style='max-width:12em;max-height:12em' src='data:image/{kind};base64,{b64encode(data).decode()}'>"
    )


def _short(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value):,} bytes>"
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {list(value.shape)}>"
    if isinstance(value, str):
        return repr(_cut(value, _LONGEST))
    if is_dataclass(value):
        stated = (one.name for one in fields(value) if getattr(value, one.name) is not None)
        return f"{type(value).__name__}({', '.join(f'{name}={getattr(value, name)!r}' for name in stated)})"
    if isinstance(value, tuple) and value and not isinstance(value[0], int | float | str):
        return f"<{len(value)} {type(value[0]).__name__}>"
    return repr(value)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
