"""One demux pass over a video: its kept frames, its mp3 and its features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar, cast

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from core.errors import MediaError
from core.processes.message import Fault, Json, Message
from extract.audio.track import encode_audio, feature_rate
from extract.images import measure
from extract.results import ClipResult, Frames, KeptFrame
from extract.video.sample import CodedVideo, Sampler, first_time
from extract.video.seconds import VideoPacket
from media.audio import AudioDecoder, AudioPacket
from media.container import find_audio, find_video, open_media, read_packets
from media.frame import Jpeg, JpegEncoder
from media.image import ImageFault

if TYPE_CHECKING:  # decoder processes get plain values and never load pydantic
    from extract.settings import ExtractSettings, VideoSettings

__all__ = ["extract_clip", "handle", "open_video"]

T = TypeVar("T")


def extract_clip(data: bytes, settings: ExtractSettings) -> ClipResult:
    """Extract frames, mp3 and features from one video.

    Decodes in this process; the stage ``extract`` decodes untrusted files in isolated ones.

    Args:
        data: The file's bytes.
        settings: What to keep.

    Returns:
        Frames and audio, or why one or both are missing. A bad file raises nothing.
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
        MediaError: The container or codec is not allowed, or there is no video stream.
    """
    container = open_media(data)
    stream = find_video(container, settings)
    return CodedVideo.whole(cast("list[VideoPacket]", list(read_packets(container, stream))), stream)


def _extract(container: InputContainer, data: bytes, settings: ExtractSettings) -> ClipResult:
    """Demux once, decoding the audio on the way; then decode the video."""
    video = _attempt(lambda: find_video(container, settings.video))
    audio = _attempt(lambda: _audio_decoder(find_audio(container), settings, has_video=not isinstance(video, Fault)))
    packets = _read(container, video, audio)
    return ClipResult(
        frames=video if isinstance(video, Fault) else _attempt(lambda: _keep_frames(video, packets, data, settings)),
        audio=audio
        if isinstance(audio, Fault)
        else _attempt(lambda: encode_audio(audio.finish(first_time(packets)), settings.sound, settings.feature)),
    )


def _attempt(call: Callable[[], T]) -> T | Fault:
    """Return the result of ``call``, or the fault that it raised."""
    try:
        return call()
    except MediaError as error:
        return Fault(error.reason, error.detail)


def _audio_decoder(stream: AudioStream, settings: ExtractSettings, *, has_video: bool) -> AudioDecoder:
    return AudioDecoder(
        stream,
        mp3_rate=settings.sound.sample_rate,
        mono_rate=feature_rate(settings.feature),
        max_seconds=settings.video.max_seconds,
        fill=settings.sound.fill_gaps and has_video,
    )


def _read(container: InputContainer, video: VideoStream | Fault, audio: AudioDecoder | Fault) -> list[VideoPacket]:
    """Read the file once: decode its audio, and return its video packets."""
    streams: list[VideoStream | AudioStream] = [] if isinstance(video, Fault) else [video]
    if not isinstance(audio, Fault):
        streams.append(audio.stream)
    packets: list[VideoPacket] = []
    for packet in read_packets(container, *streams):
        if not isinstance(audio, Fault) and packet.stream_index == audio.stream.index:
            audio.feed(cast("AudioPacket", packet))
        else:
            packets.append(cast("VideoPacket", packet))
    return packets


def _keep_frames(stream: VideoStream, packets: list[VideoPacket], data: bytes, settings: ExtractSettings) -> Frames:
    """Return the kept frames of a video as concatenated JPEGs.

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
            raise MediaError("output_limit", f"the frames take more than {settings.limits.output_mb} MB")
    if not kept:
        raise MediaError("broken_video", f"no intact frame in {len(packets)} packets")
    return Frames(tuple(kept), b"".join(parts), sampler.decode_path)


def _kept(second: int, pts_s: float, jpeg: Jpeg, offset: int) -> KeptFrame:
    return KeptFrame(second, pts_s, jpeg.width, jpeg.height, jpeg.phash, offset, len(jpeg.data))


def handle(settings: ExtractSettings, kind: str, data: bytes) -> Message:
    """Extract one stored object; the task of a decoder process.

    Args:
        settings: The stage's settings, or plain values under the same names.
        kind: ``video`` or ``image``.
        data: The object's bytes.
    """
    return _pack_clip(extract_clip(data, settings)) if kind == "video" else _measure(data, settings)


def _measure(data: bytes, settings: ExtractSettings) -> Message:
    measures = measure(data, settings.images)
    if isinstance(measures, ImageFault):
        return Message({"fault": measures.reason, "detail": measures.detail})
    return Message({"image": asdict(measures)})


def _pack_clip(result: ClipResult) -> Message:
    """Return the results of a video as a message."""
    head: dict[str, Json] = {}
    bodies: list[bytes] = []
    if isinstance(result.frames, Fault):
        head["frames_fault"] = asdict(result.frames)
    else:
        head["frames"] = [asdict(frame) for frame in result.frames.kept]
        head["decode_path"] = result.frames.decode_path
        bodies.append(result.frames.jpegs)
    if isinstance(result.audio, Fault):
        head["audio_fault"] = asdict(result.audio)
    else:
        fields = asdict(result.audio)
        bodies += [fields.pop("mp3"), fields.pop("feature")]
        head["audio"] = fields
    return Message(head, tuple(bodies))
