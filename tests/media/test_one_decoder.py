"""Images, videos and audio are opened by the room ``media`` alone, so that every stage sees the same pixels."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_rooms import ROOMS, ROOT

OPENERS = {
    "PIL.Image": {"open"},
    "PIL.ImageFile": {"Parser"},
    "av": {"open", "CodecContext", "VideoCodecContext", "AudioCodecContext"},
    "cv2": {"imread", "imdecode", "VideoCapture"},
    "librosa": {"load", "stream"},
    "soundfile": {"read", "SoundFile"},
    "imageio": {"imread", "get_reader"},
    "matplotlib.image": {"imread"},
}


def openers(path: Path) -> Iterator[str]:
    """Yield the names of decoders that a module uses."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {each.asname or each.name: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
            yield from (
                f"{node.module}.{each.name}" for each in node.names if each.name in OPENERS.get(node.module, ())
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            module = modules.get(ast.unparse(node.value), "")
            if node.attr in OPENERS.get(module, ()):
                yield f"{module}.{node.attr}"


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "media"])
def test_no_other_room_opens_an_image_video_or_audio_file(room: str) -> None:
    found = {
        (str(path.relative_to(ROOT)), name) for path in sorted((ROOT / room).rglob("*.py")) for name in openers(path)
    }
    assert found == set()


def test_the_search_finds_the_decoders_of_media() -> None:
    found = {name for path in (ROOT / "media").glob("*.py") for name in openers(path)}
    assert {"PIL.Image.open", "av.open", "av.VideoCodecContext"} <= found
