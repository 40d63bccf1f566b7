"""The papers' own tool as encoder of mp3 and previews (extra ``moviepy``).

It is given decoded samples and frames alone: it never sees a stranger's file.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsError

__all__ = ["encode_mp3", "encode_preview", "require_moviepy"]


def require_moviepy(setting: str) -> None:
    """Check that moviepy is installed.

    Args:
        setting: What asks for it.

    Raises:
        SettingsError: It is not.
    """
    if find_spec("moviepy") is None:
        raise SettingsError(
            f"{setting} is moviepy, which is not installed. Run pip install 'm5data[moviepy]' (it needs a Pillow below "
            "12, so give it an environment of its own), or remove the setting."
        )


def encode_mp3(parts: Sequence[NDArray[np.float32]], sample_rate: int, bitrate: int) -> bytes:
    """Return samples, each part [samples, channels], as mp3."""
    from moviepy.audio.AudioClip import AudioArrayClip  # noqa: PLC0415 - an extra

    with TemporaryDirectory(prefix="m5data-mp3-") as folder:
        path = Path(folder) / "audio.mp3"
        clip = AudioArrayClip(np.concatenate(parts), fps=sample_rate)
        clip.write_audiofile(
            str(path), fps=sample_rate, codec="libmp3lame", bitrate=str(bitrate), write_logfile=False, logger=None
        )
        return path.read_bytes()


def encode_preview(frames: Sequence[NDArray[np.uint8]], rate: int) -> bytes:
    """Return frames, [height, width, 3], as a silent MP4."""
    from moviepy import ImageSequenceClip  # noqa: PLC0415 - an extra

    with TemporaryDirectory(prefix="m5data-preview-") as folder:
        path = Path(folder) / "preview.mp4"
        options = ["-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
        clip = ImageSequenceClip(list(frames), fps=rate)
        clip.write_videofile(str(path), codec="libx264", audio=False, threads=1, logger=None, ffmpeg_params=options)
        return path.read_bytes()
