from .alignment import align
from .category import Category, fault
from .proposals import Proposal, propose_first_level, propose_for_workspace
from .similarity import content_similarity, label_similarity

__all__ = [
    "Category",
    "Proposal",
    "align",
    "content_similarity",
    "fault",
    "label_similarity",
    "propose_first_level",
    "propose_for_workspace",
]
