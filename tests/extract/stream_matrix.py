"""Streams to compare the fast path with a full decode: codecs x GOP kinds x B-frames x rates x offsets."""

from collections.abc import Mapping
from fractions import Fraction

from tests.extract.synthetic_media import Clip

__all__ = ["FAST", "FULL"]

_N = 80


def _x264(parameters: str, **fields: object) -> Clip:
    return Clip(**{"frames": _N, "options": {"x264-params": parameters}, **fields})  # type: ignore[arg-type]


def _x265(parameters: str, **fields: object) -> Clip:
    options = {"x265-params": f"log-level=none:{parameters}"}
    return Clip(**{"codec": "libx265", "frames": _N, "options": options, **fields})  # type: ignore[arg-type]


def _times(offset: Fraction = Fraction(0)) -> list[Fraction]:
    return [Fraction(number, 24) + offset for number in range(_N)]


def _uneven() -> list[Fraction]:
    steps = [(1, 2, 3, 5)[(number * number) % 4] for number in range(_N)]
    return [Fraction(sum(steps[:number]), 60) for number in range(_N)]


FAST: Mapping[str, Clip] = {
    "h264-closed": _x264("keyint=30:min-keyint=15:bframes=3"),
    "h264-baseline": _x264("keyint=30", options={"profile": "baseline", "x264-params": "keyint=30"}),
    "h264-open-gop": _x264("keyint=24:min-keyint=12:open-gop=1:bframes=3"),
    "h264-no-pyramid": _x264("keyint=30:bframes=2:b-pyramid=none"),
    "h264-strict-pyramid": _x264("keyint=30:bframes=5:b-pyramid=strict:b-adapt=0"),
    "h264-many-references": _x264("keyint=60:bframes=4:ref=6:weightp=2:b-adapt=0"),
    "h264-intra-refresh": _x264("intra-refresh=1:keyint=30:bframes=0"),
    "h264-10-bit": _x264("keyint=30", pix_fmt="yuv420p10le"),
    "h264-444": _x264("keyint=30", pix_fmt="yuv444p"),
    "h264-slices": _x264("keyint=30:slices=4"),
    "h264-cavlc": _x264("keyint=30:cabac=0"),
    "h264-ts": _x264("keyint=30", container="mpegts"),
    "h264-ts-open-gop": _x264("keyint=24:open-gop=1:bframes=3", container="mpegts"),
    "h264-mkv": _x264("keyint=30", container="matroska"),
    "h264-flv": _x264("keyint=30", container="flv"),
    "h264-no-duration": _x264("keyint=30", format_options={"movflags": "frag_keyframe+empty_moov"}),
    "h264-vfr": _x264("keyint=30", times=_uneven()),
    "h264-vfr-mkv": _x264("keyint=30", times=_uneven(), container="matroska"),
    "h264-slides": _x264("keyint=4", frames=8, times=[Fraction(number * 5, 2) for number in range(8)]),
    "h264-late-start": _x264("keyint=30", times=_times(Fraction(51, 10))),
    "h264-late-start-mkv": _x264("keyint=30", times=_times(Fraction(51, 10)), container="matroska"),
    "h264-cut-by-edit-list": _x264("keyint=30", times=_times(Fraction(-1, 2))),
    "h264-10-fps": _x264("keyint=30", rate=Fraction(10)),
    "h264-12.5-fps": _x264("keyint=30", rate=Fraction(25, 2)),
    "h264-23.976-fps": _x264("keyint=30", rate=Fraction(24000, 1001)),
    "h264-29.97-fps": _x264("keyint=30", rate=Fraction(30000, 1001)),
    "h264-60-fps": _x264("keyint=90", rate=Fraction(60), frames=150),
    "h264-one-gop": _x264("keyint=infinite"),
    "h264-all-intra": _x264("keyint=1"),
    "h264-rotated": _x264("keyint=30", rotation=90),
    "h264-torn-mp4": _x264("keyint=30", keep=0.7, format_options={"movflags": "faststart"}),
    "h264-torn-mkv": _x264("keyint=30", keep=0.7, container="matroska"),
    "h264-torn-ts": _x264("keyint=30", keep=0.7, container="mpegts"),
    "h264-one-frame": _x264("keyint=30", frames=1),
    "hevc-closed": _x265("keyint=30:min-keyint=30:open-gop=0"),
    "hevc-open-gop": _x265("keyint=24:min-keyint=24:open-gop=1:bframes=4"),
    "hevc-temporal-layers": _x265("keyint=30:temporal-layers=1:bframes=4"),
    "hevc-radl": _x265("keyint=24:radl=2:open-gop=0", container="matroska"),
    "hevc-no-b": _x265("keyint=24:bframes=0"),
    "hevc-10-bit": _x265("keyint=30", pix_fmt="yuv420p10le"),
    "hevc-ts": _x265("keyint=24", container="mpegts"),
    "vp9": Clip("libvpx-vp9", "webm", frames=_N, options={"g": "30", "lag-in-frames": "16", "cpu-used": "8"}),
    "vp9-mp4": Clip("libvpx-vp9", frames=_N, options={"g": "24", "cpu-used": "8"}),
    "av1": Clip("libsvtav1", frames=_N, options={"g": "30", "preset": "10"}),
    "av1-mkv": Clip("libsvtav1", "matroska", frames=_N, options={"g": "30", "preset": "10"}),
    "mpeg4-b": Clip("mpeg4", frames=_N, options={"bf": "2", "g": "30"}),
    "mpeg4": Clip("mpeg4", frames=_N, options={"g": "30"}),
    "mpeg2-ts": Clip("mpeg2video", "mpegts", Fraction(25), _N, options={"bf": "2", "g": "30"}),
    "mpeg1": Clip("mpeg1video", "mpeg", Fraction(25), _N, options={"bf": "2", "g": "12"}),
    "mjpeg-avi": Clip("mjpeg", "avi", frames=_N, pix_fmt="yuvj420p"),
    "mjpeg-mov": Clip("mjpeg", "mov", frames=_N, pix_fmt="yuvj420p"),
    "prores": Clip("prores_ks", "mov", frames=_N, pix_fmt="yuv422p10le"),
}
"""Streams that the fast path accepts."""

FULL: Mapping[str, tuple[Clip, str]] = {
    "h264-interlaced": (_x264("tff=1:interlaced=1:keyint=30"), "interlaced"),
    "vp8": (Clip("libvpx", "webm", frames=_N, options={"g": "30", "lag-in-frames": "16"}), "codec"),
    "wmv2": (Clip("wmv2", "asf", frames=_N, options={"g": "30"}), "codec"),
    "flv1": (Clip("flv", "flv", frames=_N, options={"g": "30"}), "codec"),
    "h263": (Clip("h263", "3gp", frames=_N, size=(176, 144), options={"g": "30"}), "codec"),
    "mpeg2-ps": (Clip("mpeg2video", "mpeg", Fraction(25), _N, options={"bf": "2", "g": "12"}), "repeated_times"),
    "mpeg4-avi": (Clip("mpeg4", "avi", frames=_N, options={"bf": "2", "g": "30"}), "missing_times"),
}
"""Streams that it refuses, with the reason."""
