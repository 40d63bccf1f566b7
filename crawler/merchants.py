"""Merchants' names as keyed hashes: the same seller is recognised, and never named."""

import hmac
import unicodedata

__all__ = ["hash_merchant"]


def hash_merchant(name: str, key: bytes) -> str:
    """Return HMAC-SHA256 of a merchant's name under the workspace's key, 64 hex digits.

    The name is normalised first (NFKC, case folded, white space folded), so that one spelling in full-width
    letters and one in half-width give one hash. Without the key nobody can test a guessed name against it.
    """
    normal = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hmac.digest(key, normal.encode(), "sha256").hex()
