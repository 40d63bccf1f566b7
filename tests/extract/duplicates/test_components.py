import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extract.duplicates import components


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 25))
    ends = st.integers(0, count - 1)
    return count, draw(st.lists(st.tuples(ends, ends), max_size=30))


def by_union(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    names = list(range(count))
    for left, right in pairs:
        low, high = sorted((names[left], names[right]))
        names = [low if name == high else name for name in names]
    return names


@given(graphs())
def test_components_are_those_of_repeated_union(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = graph
    left = np.array([pair[0] for pair in pairs], dtype=np.int64)
    right = np.array([pair[1] for pair in pairs], dtype=np.int64)
    assert components(count, left, right).tolist() == by_union(count, pairs)


def test_no_items_make_no_components() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert components(0, nothing, nothing).tolist() == []
