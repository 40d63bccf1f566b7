"""The vocabulary of outcomes."""

from typing import get_args

from crawler.media.outcome import MEANINGS, REASONS, Reason, state_of
from crawler.net.http_policy import RETRYABLE


def test_the_vocabulary_is_closed_and_explained() -> None:
    declared = {reason for part in get_args(Reason) for reason in (get_args(part) or (part,))}
    assert declared == set(REASONS)
    assert tuple(MEANINGS) == REASONS == tuple(sorted(REASONS))
    assert {state_of(reason) for reason in RETRYABLE} == {"failed"}
    assert state_of(None) == "ok"
    assert state_of("wrong_type") == state_of("private_address") == "dropped"
