"""Failures explained: one line for what most of them have in common, with what to do."""

import pytest

from crawler.failures import Answers, explain_failures


def explained(*answers: tuple[str, str, int]) -> tuple[str, ...]:
    return explain_failures((Answers(*one) for one in answers), slower="go slower", retry="try again")


def test_one_host_that_refuses_explains_most_failures() -> None:
    notes = explained(
        ("cdn.example:443", "", 100), ("cdn.example:443", "http_403", 910),
        ("shop.example:443", "", 400), ("shop.example:443", "timeout", 60), ("shop.example:443", "http_404", 30),
    )  # fmt: skip
    said = "91% of 1,000 failures are from one host: cdn.example:443 answers 401, 403 or 451 (910 of 1,010 URLs): "
    assert notes == (said + "the host admits no such requests, or only so many: go slower, or ask the shop",)


def test_hosts_that_fail_alike_are_counted() -> None:
    said = "100% of 40 failures are from 4 of 5 hosts: each does not resolve (40 of 40 URLs): check the name of the "
    notes = explained(*((f"{name}.example:443", "dns", 10) for name in "abcd"), ("e.example:443", "", 1))
    assert notes == (f"{said}host, and the DNS and proxy of this machine, then try again",)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("http_429", "answers 429"),
        ("http_410", "answers 404 or 410"),
        ("host_down", "fails or breaks off"),
        ("connect", "refuses connections"),
        ("bad_tls", "has no valid certificate"),
        ("page", "answers with HTML pages"),
        ("private_address", "leads to an address of this machine"),
    ],
)
def test_each_kind_of_answer_has_its_cause(reason: str, cause: str) -> None:
    (note,) = explained(("shop.example:443", reason, 3))
    assert f"100% of 3 failures are from one host: shop.example:443 {cause}" in note


def test_few_failures_and_limits_of_the_settings_need_no_note() -> None:
    assert explained(("a:443", "", 99), ("a:443", "http_404", 1)) == ()
    assert explained(("a:443", "", 1), ("a:443", "too_large", 99), ("a:443", "robots", 99)) == ()
    assert explained() == ()
