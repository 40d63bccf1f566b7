from .alignment import align
from .category import Category, fault
from .classes import Proposal, propose_first_level
from .similarity import content_similarity, label_similarity

__all__ = [
    "Category",
    "Proposal",
    "align",
    "content_similarity",
    "fault",
    "label_similarity",
    "propose_first_level",
]
