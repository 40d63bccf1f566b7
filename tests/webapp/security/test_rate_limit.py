from dataclasses import dataclass

import hypothesis.strategies as st
import pytest
from hypothesis import given

from webapp.security.rate_limit import RateLimit, ip_key


@dataclass
class Seconds:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate() -> None:
    clock = Seconds()
    limit = RateLimit(rate=2, burst=3, clock=clock)
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait("b") == 0
    clock.now = 0.5
    assert [limit.wait("a") for _ in range(2)] == [0, 0.5]


@given(st.lists(st.floats(0, 2), max_size=60))
def test_never_more_than_the_rate_allows(pauses: list[float]) -> None:
    clock = Seconds()
    limit = RateLimit(rate=1, burst=5, clock=clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += limit.wait("a") == 0
    assert passed <= 5 + clock.now


def test_a_flood_of_addresses_is_forgotten_oldest_first() -> None:
    limit = RateLimit(rate=1, burst=1, clock=Seconds(), keys=100)
    for number in range(1000):
        limit.wait(str(number))
    assert len(limit) == 100
    assert limit.wait("999") > 0
    assert limit.wait("0") == 0


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_addresses_of_one_subscriber_share_a_bucket(host: str, key: str) -> None:
    assert ip_key(host) == key
