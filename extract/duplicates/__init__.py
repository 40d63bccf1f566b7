"""Duplicates: exact ones by keys, near ones by hashes and words, groups by connection."""

from extract.duplicates.components import components
from extract.duplicates.exact import exact_joins
from extract.duplicates.functions import prepare
from extract.duplicates.groups import EXACT_RULES, group_exact
from extract.duplicates.hamming import HashPairs, neighbour_batches, phash_neighbours
from extract.duplicates.linking import link
from extract.duplicates.minhash import band_keys
from extract.duplicates.near_groups import NEAR_RULES, group_near, prepare_near
from extract.duplicates.near_images import near_image_pairs
from extract.duplicates.near_texts import near_text_pairs
from extract.duplicates.near_videos import near_video_pairs
from extract.duplicates.shingles import alike, shingles

__all__ = [
    "EXACT_RULES",
    "NEAR_RULES",
    "HashPairs",
    "alike",
    "band_keys",
    "components",
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
