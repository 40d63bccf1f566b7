"""Thousands of random queries answer as over whole tables."""

from random import Random

import pytest

from storage import Store
from tests.storage.random_queries import answers, fill, random_query, whole_tables


@pytest.mark.timeout(900)
def test_random_queries_answer_as_over_whole_tables(store: Store) -> None:
    snapshot = fill(store)
    with whole_tables(snapshot) as whole:
        for seed in range(5_000):
            query = random_query(Random(seed))
            own, expected = answers(snapshot, whole, query)
            assert own == expected, query
