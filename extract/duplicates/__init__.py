"""Duplicates: exact ones by keys, near ones by hashes and words, groups by connection."""

from extract.duplicates.components import components
from extract.duplicates.exact import exact_joins
from extract.duplicates.functions import prepare
from extract.duplicates.groups import EXACT_RULES, group_exact, widen
from extract.duplicates.hamming import HashPairs, phash_neighbours
from extract.duplicates.linking import NEAR_RULES, Links, link
from extract.duplicates.minhash import band_keys
from extract.duplicates.near import near_image_pairs, near_text_pairs
from extract.duplicates.shingles import alike, shingles

__all__ = [
    "EXACT_RULES",
    "NEAR_RULES",
    "HashPairs",
    "Links",
    "alike",
    "band_keys",
    "components",
    "exact_joins",
    "group_exact",
    "link",
    "near_image_pairs",
    "near_text_pairs",
    "phash_neighbours",
    "prepare",
    "shingles",
    "widen",
]
