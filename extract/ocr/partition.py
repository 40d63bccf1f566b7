"""Images whose text is read together, with contact details masked before a row is kept."""

import re
from collections.abc import Callable, Sequence

import pyarrow as pa

from extract.engine import Item, LocalEngine, Result, plain, unpack_lines
from extract.ocr.lines import TextLine
from extract.ocr.reader import ImageReader
from extract.partitions import SCHEMAS, DecodePaths, Partition, run_partition
from extract.settings import ExtractSettings
from m5data.contacts import MASKS, mask_contacts
from storage import ObjectWriter
from storage.isolation.message import Fault

__all__ = ["TextPartition", "mask_lines", "read_partition"]

_CORNERS = tuple(f"{axis}{corner}" for corner in range(4) for axis in "xy")
_MASK = re.compile("|".join(MASKS.values()))
_LONGEST_LABEL = 12
"""Characters of a line that may be the label of the next one, as in ``微信：`` beside a name."""


class TextPartition(Partition):
    """Images of the stage ``image_text``."""

    stage = "image_text"
    schemas = {  # noqa: RUF012 - ClassVar in the base
        "line_results": pa.schema(
            [("sha256", pa.string()), ("line", pa.int32()), ("text", pa.string()), ("confidence", pa.float64())]
            + [(name, pa.int32()) for name in _CORNERS]
            + [("contact", pa.string())]
        ),
        "fault_results": SCHEMAS["fault_results"],
    }

    @classmethod
    def of(cls, items: Sequence[Item], settings: ExtractSettings) -> "TextPartition":
        """Return a partition under the settings."""
        return cls(items, settings.text_digest())

    @classmethod
    def engine(cls, settings: ExtractSettings, read: Callable[[str], bytes]) -> LocalEngine:
        """Return the engine that reads images."""
        return LocalEngine(settings, read, ImageReader(plain(settings.images)), unpack_lines)

    def _add(self, item: Item, result: Result, objects: ObjectWriter) -> None:
        del objects
        if isinstance(result, Fault):
            self._add_fault(item.sha256, "text", result)
        elif isinstance(result, tuple) and not result:
            self._add_fault(item.sha256, "text", Fault("no_text"))
        elif isinstance(result, tuple):
            for number, (line, (text, contact)) in enumerate(zip(result, mask_lines(result), strict=True)):
                place = dict(zip(_CORNERS, line.box, strict=True))
                row = {"line": number, "text": text, "confidence": line.confidence, **place, "contact": contact}
                self.rows["line_results"].append({"sha256": item.sha256, **row})


def mask_lines(lines: Sequence[TextLine]) -> list[tuple[str, str | None]]:
    """Return each line with its contact details masked, and their kinds; None: it has none.

    A short line before another counts as its label: what stands after ``微信号`` is an account.
    """
    masked: list[tuple[str, str | None]] = []
    label = ""
    for line in lines:
        text, found = mask_contacts(line.text, label)
        if label and not found:
            whole, found = mask_contacts(f"{label}：{line.text}")
            text = whole.removeprefix(f"{label}：") if found else text
        kinds = sorted({mask[1:-1] for mask in _MASK.findall(text)} if found else ())
        masked.append((text, ", ".join(kinds) or None))
        label = line.text.rstrip("：: ") if len(line.text) <= _LONGEST_LABEL else ""
    return masked


def read_partition(location: str, name: str) -> DecodePaths:
    """Read one partition that was handed out; see ``extract.partitions.extract_partition``."""
    return run_partition(TextPartition, location, name)
