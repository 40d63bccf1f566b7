from .audio import AudioDecoder, DecodedAudio, decode_mp3
from .container import find_audio, find_video, open_media, read_packets
from .formats import FORMATS, MediaFormat, sniff
from .frame import JpegEncoder, RgbConverter, upright
from .hashes import frame_hash, perceptual_hash, pixel_hash
from .image import ImageFault, decode_image, read_image
from .mel import mel_power, mfcc, released_mel

__all__ = [
    "FORMATS",
    "AudioDecoder",
    "DecodedAudio",
    "ImageFault",
    "JpegEncoder",
    "MediaFormat",
    "RgbConverter",
    "decode_image",
    "decode_mp3",
    "find_audio",
    "find_video",
    "frame_hash",
    "mel_power",
    "mfcc",
    "open_media",
    "perceptual_hash",
    "pixel_hash",
    "read_image",
    "read_packets",
    "released_mel",
    "sniff",
    "upright",
]
