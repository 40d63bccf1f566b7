"""Exact duplicates by keys, near duplicates by hashes and words, and their groups."""

from extract.duplicates.exact import EXACT_RULES, exact_joins, group_exact
from extract.duplicates.hamming import HashPairs, neighbour_batches, phash_neighbours
from extract.duplicates.near_groups import NEAR_RULES, group_near, link, prepare_near
from extract.duplicates.near_pairs import near_image_pairs, near_text_pairs, near_video_pairs
from extract.duplicates.pairs import FINGERPRINTS, find_pairs, text_keys_sql
from extract.duplicates.regroup import NEW_DUPLICATES, NEW_PAIRS, NEW_REJECTS, keep_names, name_groups, regroup
from extract.duplicates.similarity import alike, alike_all, numbers_differ, same_by_words, shingles
from extract.duplicates.sql import prepare
from extract.duplicates.text_candidates import band_keys, crowded_bands, pairs_of_keys

__all__ = [
    "EXACT_RULES",
    "FINGERPRINTS",
    "NEAR_RULES",
    "NEW_DUPLICATES",
    "NEW_PAIRS",
    "NEW_REJECTS",
    "HashPairs",
    "alike",
    "alike_all",
    "band_keys",
    "crowded_bands",
    "exact_joins",
    "find_pairs",
    "group_exact",
    "group_near",
    "keep_names",
    "link",
    "name_groups",
    "near_image_pairs",
    "near_text_pairs",
    "near_video_pairs",
    "neighbour_batches",
    "numbers_differ",
    "pairs_of_keys",
    "phash_neighbours",
    "prepare",
    "prepare_near",
    "regroup",
    "same_by_words",
    "shingles",
    "text_keys_sql",
]
