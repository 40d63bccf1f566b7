"""Some items at a time: their objects on the disk, then their rows in the spool."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from extract.engine import Item, Result
from extract.images import ImageMeasures
from extract.results import ClipResult, Fault, Frames, Sound
from m5data.version import __version__
from storage import ObjectWriter

__all__ = ["Partition"]

_TEXT, _INT, _LONG, _REAL = pa.string(), pa.int32(), pa.int64(), pa.float64()

SCHEMAS = {
    "frame_results": pa.schema(
        [
            ("video_sha256", _TEXT),
            ("second", _INT),
            ("pts_s", _REAL),
            ("width", _INT),
            ("height", _INT),
            ("phash", _LONG),
            ("object", _TEXT),
            ("offset", _LONG),
            ("length", _LONG),
        ]
    ),
    "sound_results": pa.schema(
        [
            ("video_sha256", _TEXT),
            ("mp3", _TEXT),
            ("sample_rate", _INT),
            ("duration_s", _REAL),
            ("mfcc", _TEXT),
            ("n_mfcc", _INT),
            ("mfcc_frames", _INT),
            ("mfcc_settings", _TEXT),
        ]
    ),
    "image_results": pa.schema(
        [
            ("sha256", _TEXT),
            ("width", _INT),
            ("height", _INT),
            ("phash", _LONG),
            ("size_group", _TEXT),
            ("sharpness", _REAL),
            ("blank_share", _REAL),
            ("border_share", _REAL),
            ("margin_detail", _REAL),
            ("pixels", _TEXT),
        ]
    ),
    "fault_results": pa.schema([("item", _TEXT), ("reason", _TEXT), ("detail", _TEXT)]),
}
"""Temporary tables of results, by object."""


@dataclass(slots=True)
class Partition:
    """Items that are checkpointed together, and the rows they gave so far."""

    items: Sequence[Item]
    digest: str
    """Of the settings."""
    feature: str
    """Description of the stored feature arrays."""
    waiting: int = 0
    rows: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {name: [] for name in SCHEMAS})

    def __post_init__(self) -> None:
        """Wait for every item."""
        self.waiting = len(self.items)

    @property
    def name(self) -> str:
        """A name for the spool."""
        return f"{self.items[0].kind}:{self.items[0].sha256}"

    @property
    def fingerprint(self) -> str:
        """Names everything that the rows depend on."""
        inputs = "\n".join([__version__, self.digest, *(f"{item.kind}:{item.sha256}" for item in self.items)])
        return hashlib.sha256(inputs.encode()).hexdigest()

    def add(self, item: Item, result: Result, objects: ObjectWriter) -> None:
        """Store what an item gave, and note its rows."""
        self.waiting -= 1
        if isinstance(result, ClipResult):
            self._add_frames(item.sha256, result.frames, objects)
            self._add_sound(item.sha256, result.sound, objects)
        elif isinstance(result, ImageMeasures):
            self.rows["image_results"].append({"sha256": item.sha256, **asdict(result)})
        else:
            self._add_fault(item.sha256, "image", result)

    def tables(self) -> dict[str, pa.Table]:
        """Return the rows."""
        return {name: pa.Table.from_pylist(rows, schema=SCHEMAS[name]) for name, rows in self.rows.items()}

    def _add_frames(self, sha256: str, frames: Frames | Fault, objects: ObjectWriter) -> None:
        if isinstance(frames, Fault):
            self._add_fault(sha256, "frames", frames)
            return
        stored = objects.put(frames.jpegs, mime="video/x-motion-jpeg", refers_to=sha256)
        common = {"video_sha256": sha256, "object": stored}
        self.rows["frame_results"] += [{**common, **asdict(frame)} for frame in frames.kept]

    def _add_sound(self, sha256: str, sound: Sound | Fault, objects: ObjectWriter) -> None:
        if isinstance(sound, Fault):
            self._add_fault(sha256, "sound", sound)
            return
        self.rows["sound_results"].append(
            {
                "video_sha256": sha256,
                "mp3": objects.put(sound.mp3, mime="audio/mpeg", refers_to=sha256),
                "sample_rate": sound.sample_rate,
                "duration_s": sound.duration_s,
                "mfcc": objects.put(sound.feature, mime="application/octet-stream", refers_to=sha256),
                "n_mfcc": sound.rows,
                "mfcc_frames": sound.columns,
                "mfcc_settings": self.feature,
            }
        )

    def _add_fault(self, sha256: str, what: str, fault: Fault) -> None:
        detail = f"{what}: {fault.detail}" if fault.detail else what
        self.rows["fault_results"].append({"item": sha256, "reason": fault.reason, "detail": detail})
