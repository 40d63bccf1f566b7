"""Video and sound of two files in one: packets and times stay as they are."""

import io
from collections.abc import Iterator

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from core.errors import MediaError
from media.formats import sniff
from media.remux import join_sound


def video(form: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for grey in range(0, 200, 10):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def sound(form: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, AudioStream)
        wave = np.sin(np.arange(96_000) * 0.05).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def packets(data: bytes, kind: str) -> Iterator[tuple[float, bytes]]:
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux(next(iter(container.streams.get(**{kind: 0})))):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                yield round(float(packet.pts * packet.time_base), 3), bytes(packet)


@pytest.mark.parametrize(
    ("shown", "heard", "mime"),
    [
        (("mp4", "libx264"), ("mp4", "aac"), "video/mp4"),
        (("webm", "libvpx-vp9"), ("webm", "libopus"), "video/mp4"),
        (("webm", "libvpx"), ("webm", "libopus"), "video/x-matroska"),
    ],
)
def test_packets_of_both_files_stay_as_they_are(shown: tuple[str, str], heard: tuple[str, str], mime: str) -> None:
    picture, track = video(*shown), sound(*heard)
    joined = join_sound(picture, track, 10_000)
    form = sniff(joined)
    assert form is not None
    assert form.mime == mime
    assert list(packets(joined, "video")) == list(packets(picture, "video"))
    assert list(packets(joined, "audio")) == list(packets(track, "audio"))


def test_a_file_without_sound_is_refused() -> None:
    picture = video("mp4", "libx264")
    with pytest.raises(MediaError, match="no_sound"):
        join_sound(picture, picture, 10_000)
    with pytest.raises(MediaError, match="too_many_pixels"):
        join_sound(picture, sound("mp4", "aac"), 1_000)
