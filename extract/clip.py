"""One demux pass over a video: its kept frames, its mp3 and its features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar, cast

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from extract.audio.decode import SoundDecoder, SoundPacket
from extract.audio.encode import feature_rate, keep_sound
from extract.container import find_sound, find_video, open_media, read_packets
from extract.isolation.message import Json, Message
from extract.results import ClipResult, Fault, Frames, KeptFrame
from extract.video.jpeg import Jpeg, JpegEncoder
from extract.video.sample import CodedVideo, Sampler
from extract.video.seconds import VideoPacket
from m5data.errors import MediaError

if TYPE_CHECKING:  # decoder processes are given plain values, and do without pydantic
    from extract.settings import ExtractSettings, VideoSettings

__all__ = ["extract_clip", "handle", "open_video"]

T = TypeVar("T")


def extract_clip(data: bytes, settings: ExtractSettings) -> ClipResult:
    """Extract everything that is asked of one video.

    Runs in this process: bytes that a stranger made belong into ``extract.isolation``.

    Args:
        data: The file's bytes.
        settings: What to keep.

    Returns:
        Frames and sound, or why one or both are missing. Nothing is raised for what is in the file.
    """
    try:
        with open_media(data) as container:
            return _extract(container, data, settings)
    except MediaError as error:
        fault = Fault(error.reason, error.detail)
        return ClipResult(fault, fault)


def open_video(data: bytes, settings: VideoSettings) -> CodedVideo:
    """Open a file's bytes and return its video stream with all packets.

    Raises:
        MediaError: There is no allowed container, stream or codec.
    """
    container = open_media(data)
    stream = find_video(container, settings)
    return CodedVideo.whole(cast("list[VideoPacket]", list(read_packets(container, stream))), stream)


def _extract(container: InputContainer, data: bytes, settings: ExtractSettings) -> ClipResult:
    """Demux once, decoding sound on the way; then decode what the frames need."""
    video = _attempt(lambda: find_video(container, settings.video))
    sound = _attempt(lambda: _sound_decoder(find_sound(container), settings))
    packets = _read(container, video, sound)
    return ClipResult(
        frames=video if isinstance(video, Fault) else _attempt(lambda: _keep_frames(video, packets, data, settings)),
        sound=sound
        if isinstance(sound, Fault)
        else _attempt(lambda: keep_sound(sound.finish(), settings.sound, settings.feature)),
    )


def _attempt(call: Callable[[], T]) -> T | Fault:
    """Return what ``call`` returns, or the fault it raised."""
    try:
        return call()
    except MediaError as error:
        return Fault(error.reason, error.detail)


def _sound_decoder(stream: AudioStream, settings: ExtractSettings) -> SoundDecoder:
    return SoundDecoder(
        stream,
        mp3_rate=settings.sound.sample_rate,
        mono_rate=feature_rate(settings.feature),
        max_seconds=settings.video.max_seconds,
    )


def _read(container: InputContainer, video: VideoStream | Fault, sound: SoundDecoder | Fault) -> list[VideoPacket]:
    """Read the file once: decode its sound, and return its video packets."""
    streams: list[VideoStream | AudioStream] = [] if isinstance(video, Fault) else [video]
    if not isinstance(sound, Fault):
        streams.append(sound.stream)
    packets: list[VideoPacket] = []
    for packet in read_packets(container, *streams):
        if not isinstance(sound, Fault) and packet.stream_index == sound.stream.index:
            sound.feed(cast("SoundPacket", packet))
        else:
            packets.append(cast("VideoPacket", packet))
    return packets


def _keep_frames(stream: VideoStream, packets: list[VideoPacket], data: bytes, settings: ExtractSettings) -> Frames:
    """Return the kept frames of a video as JPEGs end to end.

    Raises:
        MediaError: There is no intact frame, or a limit was hit.
    """
    sampler = Sampler(settings.video, lambda: open_video(data, settings.video))
    encoder = JpegEncoder(settings.video.jpeg_quality, settings.video.longest_side)
    parts: list[bytes] = []
    kept: list[KeptFrame] = []
    size = 0
    for picked in sampler.sample(CodedVideo.whole(packets, stream), encoder.encode):
        kept += [_kept(second, picked.pts_s, picked.value, size) for second in picked.seconds]
        parts.append(picked.value.data)
        size += len(picked.value.data)
        if size > settings.limits.output_mb << 20:
            raise MediaError("output_limit", f"wanted at most {settings.limits.output_mb} MB of frames")
    if not kept:
        raise MediaError("broken_video", f"none of {len(packets)} packets gives an intact frame")
    return Frames(tuple(kept), b"".join(parts), sampler.way)


def _kept(second: int, pts_s: float, jpeg: Jpeg, offset: int) -> KeptFrame:
    return KeptFrame(second, pts_s, jpeg.width, jpeg.height, jpeg.phash, offset, len(jpeg.data))


def handle(settings: ExtractSettings, kind: str, data: bytes) -> Message:
    """Extract one stored object.

    Args:
        settings: Of the stage, or plain values under the same names.
        kind: ``video`` or ``image``.
        data: The object's bytes.
    """
    return _pack_clip(extract_clip(data, settings)) if kind == "video" else _measure(data, settings)


def _measure(data: bytes, settings: ExtractSettings) -> Message:
    from extract.images import ImageFault, measure  # noqa: PLC0415 - a run of videos alone never loads it

    measures = measure(data, settings.images)
    if isinstance(measures, ImageFault):
        return Message({"fault": measures.reason, "detail": measures.detail})
    return Message({"image": asdict(measures)})


def _pack_clip(result: ClipResult) -> Message:
    """Return a video's results as a message."""
    head: dict[str, Json] = {}
    bodies: list[bytes] = []
    if isinstance(result.frames, Fault):
        head["frames_fault"] = asdict(result.frames)
    else:
        head["frames"] = [asdict(frame) for frame in result.frames.kept]
        head["way"] = result.frames.way
        bodies.append(result.frames.jpegs)
    if isinstance(result.sound, Fault):
        head["sound_fault"] = asdict(result.sound)
    else:
        fields = asdict(result.sound)
        bodies += [fields.pop("mp3"), fields.pop("feature")]
        head["sound"] = fields
    return Message(head, tuple(bodies))
