from .audio import mfcc, released_mel
from .clip import extract_clip
from .images import measure
from .ocr.reader import read_text
from .video.frames import Frame, sample_frames
from .video.preview import make_preview

__all__ = [
    "Frame",
    "extract_clip",
    "make_preview",
    "measure",
    "mfcc",
    "read_text",
    "released_mel",
    "sample_frames",
]
