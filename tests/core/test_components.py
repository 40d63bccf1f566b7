import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from core.components import components, connect

Pairs = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Pairs]:
    count = draw(st.integers(1, 25))
    ends = st.integers(0, count - 1)
    return count, draw(st.lists(st.tuples(ends, ends), max_size=30))


def by_union(count: int, pairs: Pairs) -> list[int]:
    names = list(range(count))
    for left, right in pairs:
        low, high = sorted((names[left], names[right]))
        names = [low if name == high else name for name in names]
    return names


def ends_of(pairs: Pairs) -> npt.NDArray[np.int64]:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@given(graphs())
def test_components_are_those_of_repeated_union(graph: tuple[int, Pairs]) -> None:
    count, pairs = graph
    ends = ends_of(pairs)
    assert components(count, ends[:, 0], ends[:, 1]).tolist() == by_union(count, pairs)


@given(graphs())
def test_names_are_connected_as_numbers_are(graph: tuple[int, Pairs]) -> None:
    count, pairs = graph
    expected = by_union(count, pairs)
    paired = sorted({item for pair in pairs for item in pair})
    assert connect(pairs) == {item: expected[item] for item in paired}
    named = connect((f"{left:02}", f"{right:02}") for left, right in pairs)
    assert named == {f"{item:02}": f"{expected[item]:02}" for item in paired}
    assert list(named) == sorted(named)


def test_no_items_make_no_components() -> None:
    ends = ends_of([])
    assert components(0, ends[:, 0], ends[:, 1]).tolist() == []
    assert connect([]) == {}
