"""The peers: the papers' own way, and the ffmpeg binary."""

import subprocess
from pathlib import Path

import librosa
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from moviepy import VideoFileClip
from PIL import Image

__all__ = ["by_ffmpeg", "by_moviepy_and_librosa", "full_decode", "warm_librosa"]


def warm_librosa() -> None:
    """Compile what librosa compiles on its first call, so that it is not held against the peer."""
    librosa.feature.mfcc(y=np.zeros(22_050, np.float32), sr=22_050, n_fft=1024, hop_length=256)


def by_moviepy_and_librosa(clip: Path, folder: Path) -> None:
    """Do what the papers describe: moviepy for the mp3 and a frame a second, librosa for MFCC."""
    with VideoFileClip(str(clip)) as video:
        audio = folder / f"{clip.stem}.mp3"
        video.audio.write_audiofile(str(audio), logger=None)
        for second in range(int(video.duration)):
            Image.fromarray(video.get_frame(second)).save(folder / f"{clip.stem}_{second}.jpg", quality=90)
    samples, rate = librosa.load(audio, sr=22_050)
    np.save(folder / f"{clip.stem}.npy", librosa.feature.mfcc(y=samples, sr=rate, n_fft=1024, hop_length=256))


def by_ffmpeg(clip: Path, folder: Path) -> None:
    """One pass of the binary, as it comes: a jpg a second and an mp3, no MFCC."""
    frames = ["-map", "0:v", "-vf", "fps=1", str(folder / f"{clip.stem}_%d.jpg")]
    _ffmpeg(clip, [*frames, "-map", "0:a", str(folder / f"{clip.stem}.mp3")])


def full_decode(clip: Path, folder: Path) -> None:
    """Decode video and audio and keep nothing."""
    del folder
    _ffmpeg(clip, ["-f", "null", "-"])


def _ffmpeg(clip: Path, wanted: list[str]) -> None:
    command = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", "-i", str(clip), *wanted]
    subprocess.run(command, check=True)
