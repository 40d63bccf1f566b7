"""The one decoder of audio: packets to floating-point samples on the clock of the video."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import av
import numpy as np
import soxr
from av import Packet
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from core.errors import MediaError
from media.clock import AudioClock, Gap
from media.container import AUDIO_DECODERS, decoder_name
from media.downmix import to_mono, to_stereo

if TYPE_CHECKING:
    from av.container import Container

__all__ = ["MP3_RATES", "AudioDecoder", "AudioPacket", "DecodedAudio", "decode_mp3"]

MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Sample rates of mp3, Hz."""

AudioPacket: TypeAlias = "Packet[AudioStream]"
"""A demuxed audio packet; the class is generic for type checkers only."""

Samples = NDArray[np.float32]

_FALLBACK_RATE = 44_100
_BATCH = 16_384  # samples: calls for each frame of 1,024 take longer than their work
_NAMELESS = "NONE"
"""PyAV's name of a channel of an unknown layout."""
_MAX_PLANES = 7
"""Of a frame whose planes PyAV reads: it looks for the end of eight behind FFmpeg's array of them, and crashes."""


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """All audio of a file."""

    parts: tuple[Samples, ...]
    """Samples for the mp3, one after another, each [samples, channels]; 1.0 is full scale."""
    sample_rate: int
    """Sample rate of ``parts``, Hz."""
    channels: int
    """1 or 2; more are mixed down to 2."""
    mono: Samples
    """Mean of all channels, for the features, 1-D."""
    start_s: float
    """Time of the first decoded sample, seconds from the origin; negative if it comes before."""
    gaps: tuple[Gap, ...]
    """Pauses in the stream, without the one before its start."""

    @property
    def duration_s(self) -> float:
        """Duration with the silence that was filled in, seconds."""
        return sum(map(len, self.parts)) / self.sample_rate

    @property
    def peak(self) -> float:
        """Largest magnitude in ``parts``."""
        return max((float(np.abs(part).max()) for part in self.parts if part.size), default=0.0)


class _BlockReader:
    """Joins decoded frames into longer blocks of samples, [channels, samples]; their format may change midway."""

    def __init__(self) -> None:
        self._fifo = AudioFifo()
        self._source: tuple[str, str, int] | None = None
        self._to_float: AudioResampler | None = None

    def push(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Add a frame; yield the joined frame once it is long enough or the format changes."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self._source:
            yield from self.finish()
            self._fifo, self._source, self._to_float = AudioFifo(), source, None
        frame.pts = None
        self._fifo.write(frame)
        if self._fifo.samples >= _BATCH:
            yield from self.finish()

    def finish(self) -> Iterator[AudioFrame]:
        """Yield the remaining samples as a frame of floats: planar, or packed if there are too many planes."""
        joined = self._fifo.read() if self._fifo.samples else None
        if joined is None:
            return
        joined.pts = None
        wanted = "fltp" if joined.layout.nb_channels <= _MAX_PLANES else "flt"
        if joined.format.name == wanted:
            yield joined
            return
        if self._to_float is None:
            self._to_float = AudioResampler(format=wanted, layout=joined.layout, rate=joined.sample_rate)
        yield from self._to_float.resample(joined)


class _Output:
    """Samples at one rate; that of the source may change midway."""

    def __init__(self, rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self.parts: list[Samples] = []
        self._source = rate
        self._stream: soxr.ResampleStream | None = None

    def push(self, samples: Samples, source: int) -> None:
        """Add samples, [samples, channels]."""
        if source != self._source:
            self.finish()
            self._source = source
        if source == self.rate:
            self.parts.append(samples)
            return
        if self._stream is None:
            self._stream = soxr.ResampleStream(source, self.rate, self.channels, dtype="float32", quality="HQ")
        self.parts.append(self._stream.resample_chunk(samples))

    def finish(self) -> None:
        """Add what the resampler still holds."""
        if self._stream is not None:
            nothing = np.zeros((0, self.channels), np.float32)
            self.parts.append(self._stream.resample_chunk(nothing, last=True))
            self._stream = None

    def shift(self, seconds: float) -> None:
        """Put silence before the samples, or cut their beginning if ``seconds`` is negative."""
        count = round(abs(seconds) * self.rate)
        if seconds > 0:
            self.parts.insert(0, np.zeros((count, self.channels), np.float32))
            return
        while count and self.parts:
            first = self.parts.pop(0)
            if len(first) > count:
                self.parts.insert(0, first[count:])
            count -= min(count, len(first))


class AudioDecoder:
    """Decoder of one audio stream; accepts its packets in order.

    Mono is the mean of the channels, as in librosa; more than two channels become stereo by ITU-R BS.775,
    scaled so that it cannot clip. Rates are converted by soxr's high quality, librosa's default.

    Args:
        stream: The stream; its decoder must not have started.
        mp3_rate: Hz, or ``source``: the stream's own rate if mp3 allows it, else 44,100.
        mono_rate: Hz.
        max_seconds: Maximum duration of the audio.
        fill: Whether silence fills gaps and a late start, and what comes before the origin is cut.

    Raises:
        MediaError: ``unsupported_sound``, the codec is not allowed.
    """

    def __init__(
        self, stream: AudioStream, *, mp3_rate: int | str, mono_rate: int, max_seconds: int, fill: bool = True
    ) -> None:
        if decoder_name(stream) not in AUDIO_DECODERS:
            raise MediaError("unsupported_sound", f"{decoder_name(stream) or 'an unknown codec'} is not allowed")
        self.stream = stream
        self._context = stream.codec_context
        self._context.thread_count = 1
        self._fault: MediaError | None = None
        self._mp3_rate = mp3_rate
        self._max_seconds = max_seconds
        self._fill = fill
        self._clock = AudioClock(max_seconds, is_exact=_has_times(stream.container))
        self._mono = _Output(mono_rate, 1)
        self._full: _Output | None = None
        self._blocks = _BlockReader()

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

    def finish(self, origin_s: float | None = None) -> DecodedAudio:
        """Return all decoded audio.

        Args:
            origin_s: Time of the video's first frame on the file's clock, seconds; None: there is no video.

        Raises:
            MediaError: ``broken_sound``, no packet is intact, or all come before the first frame;
                ``sound_too_long``; ``memory``.
        """
        self._decode(None)
        if self._fault is not None:
            raise self._fault
        if self._full is None:
            raise MediaError("broken_sound", "no packet of the audio stream can be decoded")
        self._add(self._full, self._blocks.finish())
        start = self._clock.start_after(origin_s)
        for output in (self._full, self._mono):
            output.finish()
            if self._fill and abs(start) > self._clock.tolerance_s:
                output.shift(start)
        mono = np.concatenate(self._mono.parts or [np.zeros((0, 1), np.float32)])[:, 0]
        if not mono.size:
            raise MediaError("broken_sound", "the audio ends before the first frame of the video")
        gaps = tuple(Gap(gap.start_s + start, gap.length_s) for gap in self._clock.gaps)
        return DecodedAudio(tuple(self._full.parts), self._full.rate, self._full.channels, mono, start, gaps)

    def _take(self, frame: AudioFrame) -> None:
        if self._full is None:
            self._full = _Output(self._choose_rate(frame.sample_rate), min(frame.layout.nb_channels, 2))
        rate, count = frame.sample_rate, frame.samples
        silence, skipped = self._clock.place(frame.time, count, rate)
        if self._clock.end_s > self._max_seconds:
            raise MediaError("sound_too_long", f"the audio is longer than {self._max_seconds} s")
        if self._fill and (silence or skipped):
            self._add(self._full, self._blocks.finish())
            self._add_silence(self._full, silence, rate)
            if skipped >= count:
                return
            frame = _without_start(frame, skipped)
        self._add(self._full, self._blocks.push(frame))

    def _add(self, full: _Output, frames: Iterator[AudioFrame]) -> None:
        for frame in frames:
            samples = _samples(frame)
            self._mono.push(to_mono(samples), frame.sample_rate)
            if full.channels == 1:
                full.push(to_mono(samples), frame.sample_rate)
            else:
                full.push(to_stereo(samples, _channel_names(frame.layout)), frame.sample_rate)

    def _add_silence(self, full: _Output, count: int, rate: int) -> None:
        for start in range(0, count, _BATCH):
            length = min(_BATCH, count - start)
            self._mono.push(np.zeros((length, 1), np.float32), rate)
            full.push(np.zeros((length, full.channels), np.float32), rate)

    def _choose_rate(self, source: int) -> int:
        wanted = source if self._mp3_rate == "source" else int(self._mp3_rate)
        return wanted if wanted in MP3_RATES else _FALLBACK_RATE


def _samples(frame: AudioFrame) -> Samples:
    """Return a frame of floats, [channels, samples]."""
    samples = cast("Samples", frame.to_ndarray())
    return samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T


def _channel_names(layout: AudioLayout) -> list[str]:
    """Return the names of the channels; where the file has none, those that FFmpeg expects of so many."""
    names = [channel.name for channel in layout.channels]
    if any(name != _NAMELESS for name in names):
        return names
    try:
        return [channel.name for channel in AudioLayout(f"{len(names)}c").channels]
    except ValueError:  # no usual layout has so many
        return names


def _has_times(container: Container) -> bool:
    """Return whether a container stores times of its audio: AVI's are guesses from the packets' sizes."""
    return container.format.name != "avi"


def _without_start(frame: AudioFrame, count: int) -> AudioFrame:
    """Return a frame without its first samples; ``count`` is less than it has."""
    if not count:
        return frame
    fifo = AudioFifo()
    frame.pts = None
    fifo.write(frame)
    fifo.read(count)
    return cast("AudioFrame", fifo.read())


def decode_mp3(mp3: bytes, rate: int, seconds: float) -> Samples:
    """Return the first seconds of an mp3 at a rate, as the mean of its channels, padded with silence.

    Args:
        mp3: The file's bytes.
        rate: Hz.
        seconds: Length of the result.

    Raises:
        MediaError: ``audio_corrupt``, it cannot be decoded.
    """
    wanted = int(seconds * rate)
    output, blocks = _Output(rate, 1), _BlockReader()
    try:
        with av.open(io.BytesIO(mp3), "r", format="mp3") as container:
            for frame in container.decode(audio=0):
                for block in blocks.push(frame):
                    output.push(to_mono(_samples(block)), block.sample_rate)
                if sum(map(len, output.parts)) >= wanted:
                    break
        for block in blocks.finish():
            output.push(to_mono(_samples(block)), block.sample_rate)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise MediaError("audio_corrupt", str(error)) from None
    output.finish()
    samples = np.concatenate([*(part[:, 0] for part in output.parts), np.zeros(wanted, np.float32)])
    return samples[:wanted].astype(np.float32)
