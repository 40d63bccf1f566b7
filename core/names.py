"""Names that every other system accepts: keys of Prefect's artifacts, verbs of the command line."""

import re

__all__ = ["dashed"]

_OTHER = re.compile(r"[^a-z0-9]+")


def dashed(*words: str) -> str:
    """Return words as one name of lower-case ASCII letters, digits and single dashes; ``x`` if nothing is left."""
    return _OTHER.sub("-", "-".join(words).lower()).strip("-") or "x"
