"""Settings of the stages ``extract``, ``texts`` and ``dedup``."""

import hashlib
from typing import Literal, Self

from pydantic import Field, model_validator

from core.stage_settings import StageSettings
from extract.ocr import MODELS
from media.formats import IMAGE_READERS, ImageReader

__all__ = [
    "AudioSettings",
    "DedupSettings",
    "ExtractSettings",
    "FeatureSettings",
    "ImageSettings",
    "LimitSettings",
    "TextSettings",
    "VideoSettings",
]

DECODERS = 3
"""Version of the decoders in ``media``: a higher one makes every stored result be computed again."""


class ImageSettings(StageSettings):
    """Limits before decoding, and the bounds of the size groups."""

    max_bytes: int = Field(default=32_000_000, gt=0)
    """Largest file that is opened, bytes; product photos are far below 32 MB."""
    max_pixels: int = Field(default=50_000_000, gt=0)
    """Largest number of pixels that are decoded: a photo of 50 megapixels, 150 MB of memory as RGB."""
    formats: tuple[ImageReader, ...] = IMAGE_READERS
    """Formats that are tried: those that browsers show. Every further decoder would be a risk."""
    small_below: int = Field(default=320, gt=0)
    """An image whose shorter side has fewer pixels is ``small``; the bound is this project's own."""
    large_from: int = Field(default=800, gt=0)
    """An image whose shorter side has at least this many pixels is ``large``: shops' usual zoom size."""

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        """Refuse groups that overlap."""
        if self.small_below > self.large_from:
            raise ValueError(f"small_below ({self.small_below}) must be at most large_from ({self.large_from})")
        return self


class VideoSettings(StageSettings):
    """Choice and quality of the frames that are kept from a video."""

    rule: Literal["exact", "keyframe"] = "exact"
    """``exact``: for each whole second the first frame at or after it; ``keyframe``: the nearest key frame."""
    jpeg_quality: int = Field(default=90, ge=1, le=95)
    """Quality on libjpeg's scale; 90 is hard to tell from the source. The paper does not say."""
    longest_side: int | None = Field(default=None, ge=16)
    """Frames are shrunk to this many pixels on their longer side; None, as in the paper, keeps their size."""
    max_seconds: int = Field(default=600, ge=1)
    """Longer videos are dropped as ``too_long``; M5Product's last at most 60 s, so ten times that is a fault."""
    max_pixels: int = Field(default=8_847_360, ge=256)
    """Most pixels of a frame, else ``too_many_pixels``; the default is 4096 x 2160, the largest cinema format."""


class AudioSettings(StageSettings):
    """Quality of the mp3 that is kept from a video's audio."""

    sample_rate: Literal["source", 32_000, 44_100, 48_000] = 44_100
    """Sample rate of the mp3, Hz; 44,100 is what moviepy, the paper's tool, writes."""
    bitrate: int = Field(default=128_000, ge=32_000, le=320_000)
    """Bitrate of the mp3, bits per second; the usual one for stereo. The paper does not say."""
    backend: Literal["ffmpeg", "moviepy"] = "ffmpeg"
    """Encoder of the mp3: ``ffmpeg``, or the papers' ``moviepy`` (an extra), which rounds samples to 16 bits."""
    fill_gaps: bool = True
    """Whether silence fills gaps and a late start, and audio before the first frame is cut, so that a second of the
    audio is the same second as that of the frames; False: the samples follow one another, as ffmpeg writes them."""
    silence_peak: float = Field(default=0.001, ge=0.0, lt=1.0)
    """Audio whose largest sample stays below this share of full scale (-60 dB) is dropped as ``silent``."""


class FeatureSettings(StageSettings):
    """Choice of the features that are stored for a video's audio."""

    kind: Literal["mfcc", "released_mel"] = "mfcc"
    """``mfcc``: as in the paper; ``released_mel``: as in its code, 16 kHz, first 12 s, 80 mel bands of power."""
    sample_rate: int = Field(default=22_050, ge=8_000, le=96_000)
    """Rate to which the audio is resampled before analysis, Hz; librosa's default, the paper does not say."""
    n_mfcc: int = Field(default=20, ge=1, le=128)
    """Coefficients; librosa's default, the paper does not say."""
    n_mels: int = Field(default=128, ge=1, le=512)
    """Mel bands below the coefficients; librosa's default."""
    n_fft: int = Field(default=1024, ge=64)
    """Frame size in samples (M5Product, section 3.1)."""
    hop_length: int = Field(default=256, ge=1)
    """Hop in samples (M5Product, section 3.1)."""
    backend: Literal["numpy", "librosa"] = "numpy"
    """Library that computes MFCC: ``numpy`` by librosa's definition, or ``librosa`` itself, which takes three seconds
    longer to start in each decoder process."""


class LimitSettings(StageSettings):
    """Limits of one file's extraction."""

    seconds: float = Field(default=120.0, gt=0)
    """Longest wall time of one file, seconds; a 30 s clip takes about one, so two minutes mean a hang."""
    memory_mb: int = Field(default=2048, ge=64)
    """Address space that a decoder may add to its empty process; 4K video with many reference frames fits."""
    input_mb: int = Field(default=512, ge=1)
    """Largest size of a file in MB, else ``too_large``."""
    output_mb: int = Field(default=256, ge=1)
    """Largest size of frames, mp3 and features together in MB, else ``output_limit``."""


class ExtractSettings(StageSettings):
    """Settings of the stage ``extract``."""

    video: VideoSettings = VideoSettings()
    """Frames."""
    sound: AudioSettings = AudioSettings()
    """The mp3."""
    feature: FeatureSettings = FeatureSettings()
    """MFCC or mel."""
    images: ImageSettings = ImageSettings()
    """Limits and size groups of images."""
    limits: LimitSettings = LimitSettings()
    """Time, memory and size of one file."""
    ocr: bool = False
    """Whether the stage ``image_text`` reads the text in images (extra ``ocr``); about a second per image and core."""
    workers: int | None = Field(default=None, ge=1)
    """Number of decoder processes; None: one per core. Does not change the result."""
    partition_items: int = Field(default=64, ge=1)
    """Files between two checkpoints, which bounds the work that a killed run repeats; on a cluster up to 512 if
    there are many files. Does not change the result."""

    def digest(self) -> str:
        """Return a hash of the values that the result depends on."""
        values = self.model_dump_json(exclude={"workers", "partition_items", "ocr"})
        return hashlib.sha256(f"{DECODERS} {values}".encode()).hexdigest()[:16]

    def text_digest(self) -> str:
        """Return a hash of the values that the text in images depends on."""
        return hashlib.sha256(f"{DECODERS} {MODELS} {self.images.model_dump_json()}".encode()).hexdigest()[:16]


class TextSettings(StageSettings):
    """Threshold of well-matched captions; the first version of M5Product gives no rule."""

    well_matched_odds: float = Field(default=10.0, gt=1)
    """Minimum odds that a caption belongs to this table and no other of the category; ten to one is strong evidence."""


class DedupSettings(StageSettings):
    """Thresholds of near duplicates; the papers say only that duplicates were removed.

    The rules of exact duplicates have no settings.
    """

    image_distance: int = Field(default=6, ge=0, le=16)
    """Most bits in which main images' hashes may differ: more than by recompression, fewer than between photos."""
    image_caption: float = Field(default=0.3, ge=0, le=1)
    """Minimum similarity of captions if images are near; the same words in another order have 0.4 or more."""
    text_caption: float = Field(default=0.8, ge=0.7, le=1)
    """Minimum similarity of captions without near images: that of one word added to twenty."""
    text_table: float = Field(default=0.8, ge=0, le=1)
    """Minimum share of common lines of two specification tables, so that variants of a product stay apart."""
    video_frames: float = Field(default=0.8, gt=0.5, le=1)
    """Minimum share of the shorter video's seconds whose frames are near those of the longer one, in their order."""
    video_seconds: int = Field(default=3, ge=1)
    """Shortest video that is compared, seconds; others have too few frames."""
    video_caption: float = Field(default=0.3, ge=0, le=1)
    """Minimum similarity of captions if videos are near: one advertisement may serve many products."""
    max_sharers: int = Field(default=50, ge=2)
    """Images, videos and parts of captions that more products share are stock ones and do not count."""
    max_near: int = Field(default=200, ge=2)
    """Main images near those of more products have a common look, as products on white do, and do not count."""
    max_in_group: int = Field(default=50, ge=2)
    """Near pairs never form a larger group: a chain of small differences ends in different products."""
    blank_share: float = Field(default=0.98, gt=0, le=1)
    """Images with a larger empty share are not compared."""
