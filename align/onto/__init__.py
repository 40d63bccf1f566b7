"""Published category trees, and the categories of shops mapped onto their nodes."""

from align.onto.target_tree import TargetNode, TargetTree
from align.onto.tree_files import read_tree

__all__ = ["TargetNode", "TargetTree", "read_tree"]
