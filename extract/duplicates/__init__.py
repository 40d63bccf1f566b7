"""Duplicates: exact ones by keys, near ones by hashes and words; groups are connected components."""

from extract.duplicates.exact import EXACT_RULES, exact_joins, group_exact
from extract.duplicates.hamming import HashPairs, neighbour_batches, phash_neighbours
from extract.duplicates.near_groups import NEAR_RULES, group_near, link, prepare_near
from extract.duplicates.near_pairs import near_image_pairs, near_text_pairs, near_video_pairs
from extract.duplicates.similarity import alike, band_keys, prepare, shingles

__all__ = [
    "EXACT_RULES",
    "NEAR_RULES",
    "HashPairs",
    "alike",
    "band_keys",
    "exact_joins",
    "group_exact",
    "group_near",
    "link",
    "near_image_pairs",
    "near_text_pairs",
    "near_video_pairs",
    "neighbour_batches",
    "phash_neighbours",
    "prepare",
    "prepare_near",
    "shingles",
]
