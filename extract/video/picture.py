"""What has to be known of a coded picture to leave others undecoded."""

from dataclasses import dataclass

__all__ = ["Picture", "UnsuitedError"]


class UnsuitedError(Exception):
    """A stream cannot take the fast path; the message is one word that says why, for counting."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One packet of a video stream, in the order of decoding."""

    pts: int
    """Its timestamp, in ticks of the stream."""
    entry: bool = False
    """Decoding may start here: every shown picture after it, leading ones aside, comes out as in a full decode."""
    droppable: bool = False
    """No other picture is predicted from it."""
    leading: bool = False
    """Follows an entry but is shown before it, and may be predicted from what was before the entry."""
    shown: bool = True
    """A full decode puts it out."""
