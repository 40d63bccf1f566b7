"""What a caption says of a value in a specification table: the same characters, whatever the spaces and signs."""

import re

from extract.text.normal import normalise

__all__ = ["marked", "value_parts"]

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PIECE = re.compile(rf"\d+(?:\.\d+)*|[{_IDEOGRAPHS}]+|[^\W\d_{_IDEOGRAPHS}]+")
_SEPARATOR = re.compile("[,;/|、]")
_BORDER = "\x1f"
_LEAST = 2


def marked(text: str) -> str:
    """Return a text's letters and digits, with borders around each number and each word that spaces divide.

    One marked text holds another just when the one says the other: ``25ml`` says ``25 ML``, and not
    ``5ml``. Chinese, Japanese and Korean characters have no borders: ``深海蓝色`` says ``海蓝``.
    """
    pieces = _PIECE.findall(normalise(text))
    return "".join(piece if _is_ideographic(piece) else f"{_BORDER}{piece}{_BORDER}" for piece in pieces)


def value_parts(value: str) -> list[str]:
    """Return what a value of a table says, each part ``marked``: ``红色、XL`` says two things.

    Parts of a single character are left out, for any caption may hold it; so are repetitions.
    """
    parts = dict.fromkeys(marked(part) for part in _SEPARATOR.split(normalise(value)))
    return [part for part in parts if len(part.replace(_BORDER, "")) >= _LEAST]


def _is_ideographic(piece: str) -> bool:
    return re.match(f"[{_IDEOGRAPHS}]", piece) is not None
