"""Videos of HLS and DASH playlists through a server: as their files, or refused with a reason."""

import asyncio
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import av
import imageio_ffmpeg
import numpy as np
import pytest

from core.stage import utc_now
from crawler.media.fetch import Fetcher
from crawler.media.outcome import DownloadJob, FetchResult
from crawler.media.queue import DownloadRun
from crawler.media.session import MediaSession
from crawler.media.throttle import ByteBudget
from crawler.settings import DownloadSettings

Server = Any
Frames = list[tuple[float, bytes]]

SETTINGS = DownloadSettings(read_timeout_s=60, connect_timeout_s=60)
_BUDGET = 300_000_000
_AAC_FRAME = 1024


def fetch(server: Server, path: str, settings: DownloadSettings = SETTINGS) -> FetchResult:
    """Fetch a video; what is refused must hold nothing of the budget."""

    async def ask() -> FetchResult:
        budget = ByteBudget(_BUDGET)
        run = DownloadRun(settings, "m5data-test", frozenset({server.authority}))
        async with MediaSession(run) as session:
            result = await Fetcher(session, run, budget, utc_now).fetch(DownloadJob(server.url(path), "video"))
        assert _BUDGET - budget.free == result.held == len(result.body)
        return result

    return asyncio.run(ask())


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 4 s with sound, in H.264 with B frames and AAC."""
    path = tmp_path_factory.mktemp("movie") / "movie.mp4"
    sources = ("testsrc2=size=128x96:rate=10:duration=4", "sine=frequency=440:duration=4")
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    ffmpeg(*inputs, "-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path))
    return path


def ffmpeg(*words: str, folder: Path | None = None) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *words]
    subprocess.run(command, check=True, cwd=folder, stdin=subprocess.DEVNULL)


def frames_of(data: bytes) -> Frames:
    """Return the frames of a video, with their times from the first."""
    with av.open(io.BytesIO(data), "r") as container:
        found = [(frame.time or 0.0, frame.to_ndarray().tobytes()) for frame in container.decode(video=0)]
    return [(round(time - found[0][0], 3), picture) for time, picture in found]


def sound_of(data: bytes) -> np.ndarray[Any, Any]:
    with av.open(io.BytesIO(data), "r") as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def start_of(data: bytes, kind: Literal["video", "audio"]) -> float:
    """Return the time of the first frame of a kind, seconds."""
    with av.open(io.BytesIO(data), "r") as container:
        frames = container.decode(video=0) if kind == "video" else container.decode(audio=0)
        return next(frames).time or 0.0


def serve(server: Server, folder: Path) -> None:
    server.content |= {f"/v/{path.name}": path.read_bytes() for path in folder.iterdir()}


def make_hls(movie: Path, folder: Path, *words: str) -> None:
    ffmpeg("-i", str(movie), "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod", *words, "a.m3u8",
           folder=folder)  # fmt: skip


HLS = {
    "transport stream": ((), "video/mp2t"),
    "transport stream in ranges": (("-hls_flags", "single_file"), "video/mp2t"),
    "fragments": (("-hls_segment_type", "fmp4"), "video/mp4"),
    "fragments in ranges": (("-hls_segment_type", "fmp4", "-hls_flags", "single_file"), "video/mp4"),
}


@pytest.mark.parametrize("ranges", [True, False], ids=["with-ranges", "without-ranges"])
@pytest.mark.parametrize(("words", "mime"), HLS.values(), ids=HLS)
def test_hls_gives_the_frames_of_the_file(
    server: Server, movie: Path, tmp_path: Path, words: tuple[str, ...], mime: str, *, ranges: bool
) -> None:
    make_hls(movie, tmp_path, *words)
    serve(server, tmp_path)
    server.ranges = ranges
    result = fetch(server, "/v/a.m3u8")
    assert (result.reason, result.mime) == (None, mime), result.detail
    assert result.dimensions is not None
    assert (result.dimensions.width, result.dimensions.height) == (128, 96)
    assert result.dimensions.duration_s == pytest.approx(4, abs=0.001)
    assert frames_of(result.body) == frames_of(movie.read_bytes())


def test_the_best_rendition_within_the_limits_is_taken(server: Server, movie: Path, tmp_path: Path) -> None:
    make_hls(movie, tmp_path)
    serve(server, tmp_path)
    server.content["/master"] = b"""#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=64x48
/v/small.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=90000000,RESOLUTION=20000x20000
/v/vast.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=90000,CODECS="mp4a.40.2"
/v/sound.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=128x96,CODECS="avc1.64000b,mp4a.40.2"
/v/a.m3u8
"""
    result = fetch(server, "/master")
    assert result.reason is None, result.detail
    assert frames_of(result.body) == frames_of(movie.read_bytes())
    assert not any(name in "".join(server.requests) for name in ("small", "vast", "sound"))


def test_hls_with_sound_apart_is_joined(server: Server, movie: Path, tmp_path: Path) -> None:
    for name, chosen in (("a", "0:v"), ("s", "0:a")):
        ffmpeg("-i", str(movie), "-map", chosen, "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_playlist_type",
               "vod", f"{name}.m3u8", folder=tmp_path)  # fmt: skip
    serve(server, tmp_path)
    server.content["/v/master"] = b"""#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="English",DEFAULT=YES,URI="s.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO="g"
a.m3u8
"""
    result = fetch(server, "/v/master")
    assert (result.reason, result.mime) == (None, "video/mp4"), result.detail
    assert frames_of(result.body) == frames_of(movie.read_bytes())
    _has_sound(result.body, movie)


def test_hls_with_packed_sound_is_on_the_clock_of_its_frames(server: Server, movie: Path, tmp_path: Path) -> None:
    make_hls(movie, tmp_path, "-map", "0:v")
    ffmpeg("-i", str(movie), "-map", "0:a", "-c", "copy", "-f", "adts", "s.aac", folder=tmp_path)
    serve(server, tmp_path)
    starts = start_of(server.content["/v/a0.ts"], "video")
    owner = b"com.apple.streaming.transportStreamTimestamp\0" + round((starts + 1) * 90_000).to_bytes(8, "big")
    frame = b"PRIV" + len(owner).to_bytes(4, "big") + b"\0\0" + owner
    tag = b"ID3\4\0\0\0\0\0" + bytes([len(frame)]) + frame
    server.content |= {
        "/v/s.aac": tag + server.content["/v/s.aac"],
        "/v/s.m3u8": _hls("#EXTINF:4,", "s.aac", "#EXT-X-ENDLIST"),
        "/v/master": _hls(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="English",URI="s.m3u8"',
            '#EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO="g"',
            "a.m3u8",
        ),
    }
    result = fetch(server, "/v/master")
    assert (result.reason, result.mime) == (None, "video/mp4"), result.detail
    assert frames_of(result.body) == frames_of(movie.read_bytes())
    assert start_of(result.body, "audio") - start_of(result.body, "video") == pytest.approx(1, abs=0.03)


def _has_sound(data: bytes, movie: Path) -> None:
    """Require the sound of the movie.

    Segments may lack the list that cuts the encoder's delay off, and a period ends before the last AAC frame does.
    """
    actual, expected = sound_of(data), sound_of(movie.read_bytes())
    actual = actual[:, max(actual.shape[1] - expected.shape[1], 0) :]
    assert expected.shape[1] - actual.shape[1] <= _AAC_FRAME
    np.testing.assert_array_equal(actual, expected[:, : actual.shape[1]])


DASH = {
    "template by number": ("-use_template", "1", "-use_timeline", "0"),
    "template with timeline": ("-use_template", "1", "-use_timeline", "1"),
    "list": ("-use_template", "0", "-use_timeline", "0"),
    "one file": ("-single_file", "1", "-use_template", "0"),
}


@pytest.mark.parametrize("words", DASH.values(), ids=DASH)
def test_dash_gives_frames_and_sound_of_the_file(
    server: Server, movie: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ffmpeg("-i", str(movie), "-c", "copy", "-f", "dash", "-seg_duration", "1", *words, "a.mpd", folder=tmp_path)
    serve(server, tmp_path)
    result = fetch(server, "/v/a.mpd")
    assert (result.reason, result.mime) == (None, "video/mp4"), result.detail
    assert frames_of(result.body) == frames_of(movie.read_bytes())
    _has_sound(result.body, movie)


def test_dash_segments_may_be_named_by_time(server: Server, movie: Path, tmp_path: Path) -> None:
    words = ("-use_timeline", "1", "-media_seg_name", "c$RepresentationID$-$Time$.m4s")
    ffmpeg("-i", str(movie), "-an", "-c", "copy", "-f", "dash", "-seg_duration", "1", *words, "a.mpd", folder=tmp_path)
    serve(server, tmp_path)
    result = fetch(server, "/v/a.mpd")
    assert result.reason is None, result.detail
    assert frames_of(result.body) == frames_of(movie.read_bytes())


def _hls(*lines: str) -> bytes:
    return "\n".join(("#EXTM3U", *lines)).encode()


HOSTILE: dict[str, tuple[bytes, str]] = {
    "live": (_hls("#EXTINF:1,", "/x.ts"), "live"),
    "encrypted": (_hls('#EXT-X-KEY:METHOD=AES-128,URI="/k"', "#EXTINF:1,", "/x.ts", "#EXT-X-ENDLIST"), "encrypted"),
    "discontinuity": (
        _hls("#EXTINF:1,", "/x.ts", "#EXT-X-DISCONTINUITY", "#EXTINF:1,", "/y.ts", "#EXT-X-ENDLIST"),
        "bad_playlist",
    ),
    "loop": (_hls("#EXT-X-STREAM-INF:BANDWIDTH=1", "/playlist"), "bad_playlist"),
    "many segments": (_hls(*["#EXTINF:0.1,", "/x.ts"] * 2_001, "#EXT-X-ENDLIST"), "bad_playlist"),
    "private address": (_hls("#EXTINF:1,", "http://10.0.0.1/x.ts", "#EXT-X-ENDLIST"), "private_address"),
    "metadata service": (_hls("#EXT-X-STREAM-INF:BANDWIDTH=1", "http://169.254.169.254/x"), "private_address"),
    "file": (_hls("#EXTINF:1,", "file:///etc/passwd", "#EXT-X-ENDLIST"), "bad_playlist"),
    "huge range": (_hls("#EXTINF:1,", "#EXT-X-BYTERANGE:999999999999@0", "/x.ts", "#EXT-X-ENDLIST"), "too_large"),
    "range past the end": (_hls("#EXTINF:1,", "#EXT-X-BYTERANGE:9@99999", "/x.ts", "#EXT-X-ENDLIST"), "truncated"),
    "too long": (_hls("#EXTINF:99999,", "/x.ts", "#EXT-X-ENDLIST"), "too_long"),
    "too large": (_hls("#EXT-X-STREAM-INF:BANDWIDTH=999999999999", "/second"), "too_large"),
    "no segments": (_hls("#EXT-X-ENDLIST"), "bad_playlist"),
    "no video in the segments": (_hls("#EXTINF:1,", "/x.ts", "#EXT-X-ENDLIST"), "wrong_type"),
    "missing segment": (_hls("#EXTINF:1,", "/gone.ts", "#EXT-X-ENDLIST"), "http_404"),
    "dynamic": (b'<MPD type="dynamic"><Period/></MPD>', "live"),
    "entities": (b'<!DOCTYPE MPD [<!ENTITY a SYSTEM "file:///etc/passwd">]><MPD>&a;</MPD>', "bad_playlist"),
    "several periods": (b"<MPD><Period/><Period/></MPD>", "bad_playlist"),
    "protected": (
        b"<MPD><Period><AdaptationSet><ContentProtection/></AdaptationSet></Period></MPD>",
        "encrypted",
    ),
    "endless timeline": (
        (
            b'<MPD><Period duration="PT5S"><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Time$">'
            b'<SegmentTimeline><S d="1" r="999999999999"/></SegmentTimeline></SegmentTemplate>'
            b'<Representation id="1"/></AdaptationSet></Period></MPD>'
        ),
        "bad_playlist",
    ),
    "tiny segments": (
        (
            b'<MPD><Period duration="PT500S"><AdaptationSet mimeType="video/mp4">'
            b'<SegmentTemplate media="$Number$" duration="1" timescale="1000000"/>'
            b'<Representation id="1"/></AdaptationSet></Period></MPD>'
        ),
        "bad_playlist",
    ),
    "not well formed": (b"<MPD><Period>", "bad_playlist"),
}


@pytest.mark.parametrize(("body", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_other_playlists_are_refused(server: Server, body: bytes, reason: str) -> None:
    second = _hls("#EXTINF:10,", "/x.ts", "#EXT-X-ENDLIST")
    server.content = {"/playlist": body, "/x.ts": b"no video" * 100, "/second": second}
    result = fetch(server, "/playlist")
    assert (result.reason, result.body) == (reason, b""), result.detail
    assert server.requests.total() <= 3


def test_bytes_of_all_segments_count(server: Server, movie: Path, tmp_path: Path) -> None:
    make_hls(movie, tmp_path)
    serve(server, tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.glob("*.ts"))
    result = fetch(server, "/v/a.m3u8", SETTINGS.model_copy(update={"max_video_bytes": size - 1}))
    assert result.reason == "too_large"
    assert fetch(server, "/v/a.m3u8", SETTINGS.model_copy(update={"max_video_bytes": size})).reason is None


def test_a_segment_may_opt_out(server: Server) -> None:
    server.content = {"/playlist": _hls("#EXTINF:1,", "/x.ts", "#EXT-X-ENDLIST"), "/x.ts": b"x" * 2000}
    server.robots_tags = {"/x.ts": ["noai"]}
    assert fetch(server, "/playlist").reason == "opted_out"


def test_a_playlist_in_place_of_an_image_is_no_image(server: Server) -> None:
    server.content = {"/playlist": _hls("#EXTINF:1,", "/x.ts", "#EXT-X-ENDLIST")}

    async def ask() -> Iterator[FetchResult]:
        run = DownloadRun(SETTINGS, "m5data-test", frozenset({server.authority}))
        async with MediaSession(run) as session:
            fetcher = Fetcher(session, run, ByteBudget(_BUDGET), utc_now)
            return iter([await fetcher.fetch(DownloadJob(server.url("/playlist"), "image"))])

    assert [result.reason for result in asyncio.run(ask())] == ["wrong_type"]
