"""Keyed hashes of merchant names, beside the masking of contact details."""

import hmac
import unicodedata

from m5data.contacts import MASKS, mask_contacts

__all__ = ["MASKS", "hash_merchant", "mask_contacts"]


def hash_merchant(name: str, key: bytes) -> str:
    """Return the HMAC-SHA256 of a merchant name under the key of the workspace, 64 hex digits.

    The name is normalised first (NFKC, case, white space), so that full-width and half-width spellings have the same
    hash. Without the key, nobody can check a guessed name against it.
    """
    normal = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return hmac.digest(key, normal.encode(), "sha256").hex()
