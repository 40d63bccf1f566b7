from io import BytesIO

import av
import pytest

from core.errors import MediaError
from extract.video.preview import make_preview
from tests.extract.synthetic_media import Clip, make_clip, tone


def test_a_preview_is_short_small_and_silent() -> None:
    data = make_clip(Clip(frames=40, rate=Clip.rate / 5, size=(640, 350), audio=tone(1.0), rotation=90))
    with av.open(BytesIO(make_preview(data)), "r") as preview:
        (stream,) = preview.streams
        assert isinstance(stream, av.VideoStream)
        frames = list(preview.decode(stream))
    assert (stream.codec_context.name, float(stream.average_rate or 0)) == ("h264", 8.0)
    assert (stream.width, stream.height) == (174, 320)
    assert len(frames) == 6 * 8


def test_what_cannot_be_shown_says_why() -> None:
    with pytest.raises(MediaError, match="not_allowed_container"):
        make_preview(b"ffconcat version 1.0\nfile /etc/passwd\n")
