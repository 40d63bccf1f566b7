"""Numbers of labels that stay the same from run to run."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from align.category import Category

__all__ = ["keep_ids"]


def keep_ids(groups: Sequence[Iterable[Category]], previous: Mapping[Category, int]) -> list[int]:
    """Return an id for each group of categories, keeping those of the previous run.

    An id goes with its categories: the smallest ids choose first, each takes the group that holds
    most of its categories and has none yet (the earlier group where two hold as many). So a group
    that merged two keeps the smaller id, and of a group that split the larger part keeps it. Groups
    without an id get new ones, in order, above every id of the previous run; from 0 in the first.

    Args:
        groups: The categories of each label.
        previous: Category -> id in the previous run.
    """
    places = {category: place for place, group in enumerate(groups) for category in group}
    votes = Counter((number, places[category]) for category, number in previous.items() if category in places)
    kept: dict[int, int] = {}
    # By id; within an id by number of categories, most first; then by place.
    for number, place in sorted(votes, key=lambda vote: (vote[0], -votes[vote], vote[1])):
        if place not in kept and number not in kept.values():
            kept[place] = number
    new = count(max(previous.values(), default=-1) + 1)
    return [kept[place] if place in kept else next(new) for place in range(len(groups))]
