"""What a medium's own headers say about its use for machine learning."""

from collections.abc import Mapping

__all__ = ["forbids"]

_FORBIDDING = frozenset({"noai", "noimageai", "noml"})


def forbids(headers: Mapping[str, str]) -> str | None:
    """Return the header and word that forbid the use of a medium, or None.

    A rule addressed to another agent by name (``otherbot: noai``) is taken as meant for all: whoever
    writes it does not want it done.
    """
    if tag := headers.get("X-Robots-Tag"):
        for word in tag.lower().replace(":", ",").split(","):
            if word.strip() in _FORBIDDING:
                return f"X-Robots-Tag: {word.strip()}"
    if headers.get("TDM-Reservation", "").strip() == "1":
        return "TDM-Reservation: 1"
    return None
