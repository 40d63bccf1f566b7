"""The audio of a video: its mp3 and its features."""

from media.mel import mfcc, released_mel

__all__ = ["mfcc", "released_mel"]
