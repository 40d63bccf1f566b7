import io
import os
import random
from collections.abc import Iterator

from PIL import Image

from core.processes.message import Fault
from extract.engine import Item, LocalEngine
from extract.images import ImageMeasures
from extract.results import AUDIO_REASONS, FILE_REASONS, FRAME_REASONS, ClipResult
from extract.settings import ExtractSettings, LimitSettings
from tests.extract.synthetic_media import Clip, make_clip, tone

SETTINGS = ExtractSettings(workers=2, limits=LimitSettings(seconds=20))
COUNT = int(os.environ.get("M5DATA_FUZZ", "150"))
SEED = int(os.environ.get("M5DATA_SEED", "5"))
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def originals() -> list[bytes]:
    audio = tone(1.0)
    return [
        make_clip(Clip(frames=30, audio=audio)),
        make_clip(Clip(container="matroska", frames=30, audio=audio)),
        make_clip(Clip(container="mpegts", frames=30, audio=audio)),
        make_clip(Clip("libx265", frames=30, options={"x265-params": "log-level=none"})),
        make_clip(Clip("libvpx-vp9", "webm", frames=30, options={"cpu-used": "8"})),
        make_clip(Clip("mpeg4", "avi", frames=30, audio=audio, audio_codec="libmp3lame")),
        make_clip(Clip("mjpeg", "mov", frames=30, pix_fmt="yuvj420p")),
    ]


def images() -> list[bytes]:
    return [_encoded(name) for name in IMAGE_FORMATS]


def _encoded(name: str) -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, name)
    return file.getvalue()


def mutations(files: list[bytes], seed: int) -> Iterator[bytes]:
    """Yield files that are truncated, flipped, overwritten, spliced, lengthened or empty."""
    rng = random.Random(seed)
    for _ in range(COUNT):
        data = bytearray(rng.choice(files))
        for _ in range(rng.choice([1, 1, 3, 10])):
            at = rng.randrange(len(data) + 1)
            match rng.randrange(6):
                case 0:
                    del data[at:]
                case 1 if at < len(data):
                    data[at] ^= 1 << rng.randrange(8)
                case 2:
                    data[at : at + 4] = b"\xff\xff\xff\xff"
                case 3:
                    data[at : at + 40] = rng.randbytes(40)
                case 4:
                    data[at:at] = data[rng.randrange(len(data) + 1) :][:500]
                case _:
                    data[0:0] = rng.choice([b"", b"\x00", b"RIFF"])
            if rng.random() < 0.02:
                data.clear()
        yield bytes(data)


def test_no_mutated_file_stops_the_run_and_each_gives_a_result_or_a_reason() -> None:
    files = {f"{number:064x}": data for number, data in enumerate(mutations(originals(), SEED))}
    items = [Item(sha256, "video", len(data)) for sha256, data in files.items()]
    results = dict(LocalEngine(SETTINGS, files.__getitem__).run(items, len(items)))
    assert set(results) == set(items)
    reasons: set[str] = set()
    for result in results.values():
        assert isinstance(result, ClipResult)
        if isinstance(result.frames, Fault):
            assert result.frames.reason in (*FRAME_REASONS, *FILE_REASONS)
            reasons.add(result.frames.reason)
        if isinstance(result.audio, Fault):
            assert result.audio.reason in (*AUDIO_REASONS, *FILE_REASONS, *FRAME_REASONS)
    assert {"broken_video", "not_allowed_container"} <= reasons
    assert not reasons & {"timeout", "output_limit"}


def test_mutated_images_are_measured_or_have_a_reason() -> None:
    files = {f"{number:064x}": data for number, data in enumerate(mutations(images(), SEED))}
    items = [Item(sha256, "image", len(data)) for sha256, data in files.items()]
    results = dict(LocalEngine(SETTINGS, files.__getitem__).run(items, len(items)))
    assert set(results) == set(items)
    assert all(isinstance(result, Fault | ImageMeasures) for result in results.values())
    reasons = {result.reason for result in results.values() if isinstance(result, Fault)}
    assert reasons
    assert not reasons & {"timeout", "output_limit", "crashed", "memory"}
