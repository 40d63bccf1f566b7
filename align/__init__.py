"""Label alignment: from the category trees of many sources to one hierarchy."""

from align.alignment import align
from align.category import Category, fault
from align.content_similarity import content_similarity
from align.label_similarity import label_similarity
from align.proposals import Proposal, propose_first_level

__all__ = [
    "Category",
    "Proposal",
    "align",
    "content_similarity",
    "fault",
    "label_similarity",
    "propose_first_level",
]
