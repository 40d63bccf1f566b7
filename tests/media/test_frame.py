"""Orientation of decoded frames, whatever else is attached to them."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

import extract
from media.image import _TRANSPOSE


def motion_jpeg(picture: Image.Image, orientation: int) -> bytes:
    """Return a QuickTime file of ten frames a second whose frames carry an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    still, buffer = io.BytesIO(), io.BytesIO()
    picture.save(still, "JPEG", exif=exif.tobytes(), quality=95)
    with av.open(buffer, "w", format="mov") as output:
        stream = output.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuvj420p"
        for number in range(12):
            packet = av.Packet(still.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 10)
            packet.is_keyframe = True
            output.mux(packet)
    return buffer.getvalue()


@pytest.mark.parametrize(("orientation", "turn"), sorted(_TRANSPOSE.items()))
def test_exif_orientation_of_motion_jpeg_is_applied(
    orientation: int, turn: Image.Transpose, picture: Image.Image
) -> None:
    first, *_ = extract.sample_frames(motion_jpeg(picture, orientation))
    wanted = picture.transpose(turn)
    assert first.image.size == wanted.size
    assert np.abs(np.asarray(first.image, dtype=int) - np.asarray(wanted, dtype=int)).mean() < 4
