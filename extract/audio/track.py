"""The audio of a file, decoded packet by packet and encoded as the stored mp3 and features."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import av
import ffmpeg
import numpy as np
from av import Packet
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray

from core.errors import MediaError
from extract.audio.mfcc import mfcc, released_mel
from extract.container import AUDIO_DECODERS, decoder_name
from extract.results import Audio
from storage.children import ProgramError, run_program

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import AudioSettings, FeatureSettings

__all__ = [
    "MP3_RATES",
    "AudioDecoder",
    "AudioPacket",
    "DecodedAudio",
    "describe_feature",
    "encode_audio",
    "encode_mp3",
    "feature_rate",
]

MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Sample rates of mp3, Hz."""

AudioPacket: TypeAlias = "Packet[AudioStream]"
"""A demuxed audio packet; the class is generic for type checkers only."""

_FALLBACK_RATE = 44_100
_BATCH = 16_384  # samples: one call per frame of 1,024 takes longer than the resampling itself


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """All audio of a file."""

    parts: tuple[bytes, ...]
    """Samples for the mp3, to be concatenated: 32-bit floats, little endian, interleaved."""
    sample_rate: int
    """Sample rate of ``parts``, Hz."""
    channels: int
    """1 or 2; more are mixed down to 2."""
    mono: NDArray[np.float32]
    """Samples for the features, all channels mixed, 1-D."""
    peak: float
    """Largest magnitude in ``parts``; 1.0 is full scale."""

    @property
    def duration_s(self) -> float:
        """Duration, seconds."""
        return sum(map(len, self.parts)) / (4 * self.channels * self.sample_rate)


class _FrameJoiner:
    """Joins decoded frames into longer ones; their format may change midway."""

    def __init__(self) -> None:
        self._fifo = AudioFifo()
        self._source: tuple[str, str, int] | None = None

    def push(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Add a frame; yield the joined frame once it is long enough or the format changes."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self._source:
            yield from self.finish()
            self._fifo, self._source = AudioFifo(), source
        frame.pts = None
        self._fifo.write(frame)
        if self._fifo.samples >= _BATCH:
            yield from self.finish()

    def finish(self) -> Iterator[AudioFrame]:
        """Yield the remaining samples as a frame."""
        joined = self._fifo.read() if self._fifo.samples else None
        if joined is not None:
            joined.pts = None
            yield joined


class _Converter:
    """Resamples frames; their format may change midway."""

    def __init__(self, layout: str, rate: int) -> None:
        self._layout = layout
        self._rate = rate
        self._resampler: AudioResampler | None = None
        self._source: tuple[str, str, int] | None = None

    def push(self, frame: AudioFrame) -> list[bytes]:
        """Add a frame; return the samples that are ready."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        rest = self.finish() if source != self._source else []
        if self._resampler is None:
            self._resampler = AudioResampler(format="flt", layout=self._layout, rate=self._rate)
            self._source = source
        return rest + _bytes(self._resampler.resample(frame))

    def finish(self) -> list[bytes]:
        """Return the remaining samples, and forget the format."""
        if self._resampler is None:
            return []
        rest = _bytes(self._resampler.resample(None))
        self._resampler = None
        return rest


class AudioDecoder:
    """Decoder of one audio stream; accepts its packets in order.

    Args:
        stream: The stream; its decoder must not have started.
        mp3_rate: Hz, or ``source``: the stream's own rate if mp3 allows it, else 44,100.
        mono_rate: Hz.
        max_seconds: Maximum duration of the audio.

    Raises:
        MediaError: ``unsupported_sound``, the codec is not allowed.
    """

    def __init__(self, stream: AudioStream, *, mp3_rate: int | str, mono_rate: int, max_seconds: int) -> None:
        if decoder_name(stream) not in AUDIO_DECODERS:
            raise MediaError("unsupported_sound", f"{decoder_name(stream) or 'an unknown codec'} is not allowed")
        self.stream = stream
        self._context = stream.codec_context
        self._context.thread_count = 1
        self._fault: MediaError | None = None
        self._mp3_rate = mp3_rate
        self._max_seconds = max_seconds
        self._parts: list[bytes] = []
        self._mono_parts: list[bytes] = []
        self._mono = _Converter("mono", mono_rate)
        self._full: _Converter | None = None
        self._joiner = _FrameJoiner()
        self._rate, self._channels, self._samples = 0, 0, 0

    def feed(self, packet: AudioPacket) -> None:
        """Decode one packet; damaged packets are skipped, as is everything after a limit was hit."""
        self._decode(packet)

    def _decode(self, packet: AudioPacket | None) -> None:
        if self._fault is not None:
            return
        try:
            for frame in self._context.decode(packet):
                self._take(frame)
        except av.MemoryError:
            self._fault = MediaError("memory", "out of memory while decoding audio")
        except MediaError as error:
            self._fault = error
        except (av.FFmpegError, ValueError):
            return

    def finish(self) -> DecodedAudio:
        """Return all decoded audio.

        Raises:
            MediaError: ``broken_sound``, no packet is intact; ``sound_too_long``; ``memory``.
        """
        self._decode(None)
        if self._fault is not None:
            raise self._fault
        if self._full is not None:
            self._convert(self._full, self._joiner.finish())
            self._parts += self._full.finish()
            self._mono_parts += self._mono.finish()
        mono = np.frombuffer(b"".join(self._mono_parts), np.float32)
        if not mono.size or not any(self._parts):
            raise MediaError("broken_sound", "no packet of the audio stream can be decoded")
        return DecodedAudio(tuple(self._parts), self._rate, self._channels, mono, _peak(self._parts))

    def _take(self, frame: AudioFrame) -> None:
        if self._full is None:
            self._rate = self._choose_rate(frame.sample_rate)
            self._channels = min(frame.layout.nb_channels, 2)
            self._full = _Converter("mono" if self._channels == 1 else "stereo", self._rate)
        self._samples += frame.samples
        if self._samples > self._max_seconds * frame.sample_rate:
            raise MediaError("sound_too_long", f"the audio is longer than {self._max_seconds} s")
        self._convert(self._full, self._joiner.push(frame))

    def _convert(self, full: _Converter, frames: Iterator[AudioFrame]) -> None:
        for frame in frames:
            self._parts += full.push(frame)
            self._mono_parts += self._mono.push(frame)

    def _choose_rate(self, source: int) -> int:
        wanted = source if self._mp3_rate == "source" else int(self._mp3_rate)
        return wanted if wanted in MP3_RATES else _FALLBACK_RATE


def _bytes(frames: list[AudioFrame]) -> list[bytes]:
    return [frame.to_ndarray().tobytes() for frame in frames]


def _peak(parts: list[bytes]) -> float:
    return max((float(np.abs(np.frombuffer(part, np.float32)).max()) for part in parts if part), default=0.0)


def encode_mp3(samples: Sequence[bytes], *, sample_rate: int, channels: int, bitrate: int) -> bytes:
    """Return samples as mp3 of constant bitrate, without tags; the same samples produce the same bytes.

    Uses LAME's level 7, its fast preset; FFmpeg's default, level 5, takes 2.5 times as long. The FFmpeg binary
    gets decoded samples and never sees a file. It is 2.6 times as fast as PyAV's libmp3lame.

    Args:
        samples: Consecutive parts of 32-bit floats, little endian, channels interleaved.
        sample_rate: One of ``MP3_RATES``.
        channels: 1 or 2.
        bitrate: Bits per second.

    Raises:
        MediaError: ``broken_sound``, the encoder fails.
    """
    bare = {"id3v2_version": 0, "write_xing": 0, "fflags": "+bitexact", "flags:a": "+bitexact", "threads": 1}
    mp3 = {"acodec": "libmp3lame", "audio_bitrate": bitrate, "compression_level": 7, "format": "mp3"}
    given = ffmpeg.input("pipe:0", format="f32le", ar=sample_rate, ac=channels)
    quiet = given.output("pipe:1", **mp3, **bare).global_args("-hide_banner", "-loglevel", "error")
    try:
        encoded = run_program(quiet.compile(cmd=_encoder()), data=b"".join(samples))
    except ProgramError as error:
        raise MediaError("broken_sound", f"the mp3 encoder ended with {error.returncode}") from error
    if not encoded:
        raise MediaError("broken_sound", "the mp3 encoder wrote nothing")
    return encoded


@cache
def _encoder() -> str:
    """Return the path of the bundled binary, else of the one that ``imageio-ffmpeg`` finds with a test run."""
    bundled = [
        path for path in files("imageio_ffmpeg").joinpath("binaries").iterdir() if path.name.startswith("ffmpeg-")
    ]
    return get_ffmpeg_exe() if len(bundled) != 1 or "IMAGEIO_FFMPEG_EXE" in os.environ else str(bundled[0])


_RELEASED_RATE = 16_000


def feature_rate(settings: FeatureSettings) -> int:
    """Return the sample rate that a feature is computed at, Hz."""
    return _RELEASED_RATE if settings.kind == "released_mel" else settings.sample_rate


def describe_feature(settings: FeatureSettings) -> str:
    """Return the definition of the stored arrays as JSON with sorted keys."""
    frames = {"kind": settings.kind, "sample_rate": feature_rate(settings)}
    if settings.kind == "released_mel":
        return json.dumps({**frames, "n_fft": 1024, "hop_length": 256, "n_mels": 80, "seconds": 12}, sort_keys=True)
    sizes = {"n_fft": settings.n_fft, "hop_length": settings.hop_length, "n_mels": settings.n_mels}
    backend = {} if settings.backend == "numpy" else {"backend": settings.backend}
    return json.dumps({**frames, **sizes, **backend}, sort_keys=True)


def encode_audio(audio: DecodedAudio, settings: AudioSettings, feature: FeatureSettings) -> Audio:
    """Return the mp3 and the feature array of decoded audio.

    Raises:
        MediaError: ``silent``, or ``broken_sound``.
    """
    if audio.peak < settings.silence_peak:
        raise MediaError(
            "silent", f"the loudest sample is {audio.peak:.2g} of full scale, below {settings.silence_peak:g}"
        )
    array = _compute_feature(audio.mono, feature)
    mp3 = encode_mp3(audio.parts, sample_rate=audio.sample_rate, channels=audio.channels, bitrate=settings.bitrate)
    return Audio(
        mp3=mp3,
        sample_rate=audio.sample_rate,
        duration_s=audio.duration_s,
        feature=array.astype("<f4", copy=False).tobytes(),
        rows=array.shape[0],
        columns=array.shape[1],
    )


def _compute_feature(mono: NDArray[np.float32], settings: FeatureSettings) -> NDArray[np.float32]:
    """Return the feature array that the settings ask for, [rows, columns]."""
    if settings.kind == "released_mel":
        return released_mel(mono, _RELEASED_RATE)
    return mfcc(
        mono,
        settings.sample_rate,
        settings.backend,
        n_mfcc=settings.n_mfcc,
        n_mels=settings.n_mels,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
    )
