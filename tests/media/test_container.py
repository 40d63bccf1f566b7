from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import av
import pytest
from av.container import InputContainer

from core.errors import MediaError
from core.processes.message import Fault
from extract.clip import extract_clip
from extract.settings import ExtractSettings
from media.container import open_media, read_packets
from media.formats import sniff
from tests.extract.synthetic_media import Clip, make_clip

CONTAINERS = {
    "mp4": "mov",
    "mov": "mov",
    "matroska": "matroska",
    "webm": "matroska",
    "avi": "avi",
    "flv": "flv",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "asf": "asf",
    "ogg": "ogg",
}
CODECS = {"webm": "libvpx", "flv": "flv", "mpeg": "mpeg2video", "asf": "wmv2", "ogg": "libvpx"}
PLAYLISTS = (
    "ffconcat version 1.0\nfile '{secret}'\n",
    "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
    '<?xml version="1.0"?><MPD><Period><BaseURL>{secret}</BaseURL></Period></MPD>',
    "[Reference]\nRef1={secret}\n",
)


@pytest.mark.parametrize("container", CONTAINERS)
def test_allowed_containers_are_told_from_their_first_bytes(container: str) -> None:
    data = make_clip(Clip(CODECS.get(container, "mpeg4"), container, frames=30, rate=Clip().rate + 1))
    form = sniff(data)
    assert form is not None
    assert form.reader == CONTAINERS[container]
    with open_media(data) as opened:
        assert opened.streams.video


@pytest.mark.parametrize("text", PLAYLISTS)
def test_a_file_that_names_other_files_opens_none_of_them(tmp_path: Path, text: str) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(make_clip(Clip(frames=5)))
    body = text.format(secret=secret).encode()
    result = extract_clip(body, ExtractSettings())
    assert isinstance(result.frames, Fault)
    assert result.frames.reason == "not_allowed_container"


def test_a_demuxer_can_open_nothing_beside_its_bytes() -> None:
    with open_media(make_clip(Clip(frames=2))) as container, pytest.raises(PermissionError, match="/etc/passwd"):
        container.io_open("/etc/passwd", 0, {})


@pytest.mark.parametrize("data", [b"", b"\x00" * 64, b"GIF89a" + bytes(40), b"\xff\xd8\xff\xe0" + bytes(40), b"\x47"])
def test_other_files_are_not_allowed(data: bytes) -> None:
    with pytest.raises(
        MediaError, match=r"not_allowed_container: not an allowed video container: it (starts with 0x|is )"
    ):
        open_media(data)


def test_a_codec_that_is_not_allowed_is_a_reason() -> None:
    data = make_clip(Clip("qtrle", "mov", frames=2, pix_fmt="rgb24"))
    result = extract_clip(data, ExtractSettings())
    assert result.frames == Fault("unsupported_codec", "qtrle is not allowed")


def test_a_cover_picture_is_no_video() -> None:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        audio = output.add_stream("aac", rate=44_100, layout="mono")
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        output.mux(cover.encode(av.VideoFrame(32, 32, "yuvj420p")))
        output.mux(cover.encode(None))
        output.mux(audio.encode(None))
    result = extract_clip(buffer.getvalue(), ExtractSettings())
    assert isinstance(result.frames, Fault)
    assert result.frames.reason == "no_video"


class LateStream:
    """A container whose packets end like PyAV's if a stream appears after the file was opened."""

    def demux(self, *_: object) -> "Iterator[av.Packet[Any]]":
        yield av.Packet(b"first")
        yield av.Packet()
        yield av.Packet(b"last")
        raise IndexError("list index out of range")


def test_a_stream_that_appears_late_ends_the_reading_and_loses_no_packet() -> None:
    packets = read_packets(cast("InputContainer", LateStream()), cast("Any", object()))
    assert [bytes(packet) for packet in packets] == [b"first", b"last"]
