"""The learned rule: how probable it is that two categories are one label, trained on reviewed pairs."""

from align.learned.facts import NO_FACTS, Facts
from align.learned.model import PairModel, train
from align.learned.rule import LearnedPairs, judge_pairs

__all__ = ["NO_FACTS", "Facts", "LearnedPairs", "PairModel", "judge_pairs", "train"]
