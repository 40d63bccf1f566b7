"""Size and duration of media, read from their headers without decoding anything.

Every reader is a pure function over the file's bytes, bounded in time by their number, and raises
``BadHeaderError`` alone, whatever it is given.
"""

from crawler.media.headers.dimensions import BadHeaderError, Dimensions
from crawler.media.headers.reader import read_dimensions

__all__ = ["BadHeaderError", "Dimensions", "read_dimensions"]
