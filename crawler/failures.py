"""Failures explained: which host and what kind of answer most failed requests have in common, and what to do."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["PAGE", "Answers", "explain_failures"]

PAGE = "page"
"""Reason for an HTML page instead of an image or video; elsewhere part of ``wrong_type``."""
_SHOWN = 3
"""Most notes of one run."""
_SHARE = 0.1
"""Share of the failures that a note explains at least."""
_FEW = 0.05
"""Share of all requests below which a few failures of many hosts need no note."""


class Answers(NamedTuple):
    """Requests to one host that ended the same way."""

    host: str
    reason: str
    """Reason of the stage; "": ok."""
    requests: int


class _Cause(NamedTuple):
    """Reasons with one cause."""

    answer: str
    """What the host did, after its name."""
    advice: str


_ADVICE = {
    "refused": "the host admits no such requests, or only so many: {slower}, or ask the shop",
    "busy": "it asks for fewer requests: {slower}, and {retry} later",
    "down": "it is down or overloaded: {retry} later, and {slower} if it fails again",
    "dns": "check the name of the host, and the DNS and proxy of this machine, then {retry}",
    "network": "check that the host is up, and the network, firewall and proxy of this machine, then {retry}",
    "tls": "its certificate is invalid, or a proxy replaces it: open a URL in a browser, then {retry}",
    "gone": "the URLs have expired: crawl or ingest the products again, so that their present URLs are known",
    "page": "it may ask for a login, protect its files from direct links, or have removed them: look at one yourself",
    "private": "if the shop runs on this machine or its network, set sources.NAME.local = true",
    "paid": "it serves them against payment: ask the shop",
    "opted": "the shop refuses this use of its files; they stay out",
}
_CAUSES: Mapping[str, _Cause] = MappingProxyType(
    {
        reason: _Cause(answer, _ADVICE[advice])
        for answer, advice, reasons in (
            ("answers 401, 403 or 451", "refused", ("http_403",)),
            ("answers 429", "busy", ("http_429",)),
            ("answers 402", "paid", ("http_402",)),
            ("answers 404 or 410", "gone", ("http_404", "http_410")),
            ("fails or breaks off", "down", ("http_5xx", "host_down", "source_down", "timeout", "reset", "truncated")),
            ("does not resolve", "dns", ("dns",)),
            ("refuses connections or has no route", "network", ("connect",)),
            ("has no valid certificate", "tls", ("bad_tls",)),
            ("answers with HTML pages instead of files", "page", (PAGE,)),
            ("leads to an address of this machine or its network", "private", ("private_address",)),
            ("opts out", "opted", ("opted_out",)),
        )
        for reason in reasons
    }
)
"""Reason -> its cause; other reasons are limits of the settings or faults of single files."""


def explain_failures(answers: Iterable[Answers], *, slower: str, retry: str) -> tuple[str, ...]:
    """Return a line for each host and cause that explain a tenth or more of the failures; none if few requests fail.

    One line counts the hosts that fail alike if none of them has half of those failures. Reasons that name no failure
    of a host, such as a limit of the settings, are passed over.

    Args:
        answers: All requests, by host and reason.
        slower: How to send fewer requests, such as ``lower download.per_host``.
        retry: How to try again, such as ``run m5data download --retry-failed``.
    """
    asked: Counter[str] = Counter()
    failed: Counter[tuple[str, _Cause]] = Counter()
    for one in answers:
        cause = _CAUSES.get(one.reason)
        if cause is not None:
            failed[one.host, cause] += one.requests
        if cause is not None or not one.reason:
            asked[one.host] += one.requests
    total = failed.total()
    if total <= _FEW * asked.total():
        return ()
    by_cause: Counter[_Cause] = Counter()
    for (_, cause), count in failed.items():
        by_cause[cause] += count
    causes = [cause for cause, count in by_cause.items() if count >= _SHARE * total]
    causes.sort(key=lambda cause: (-by_cause[cause], cause))
    return tuple(_note(cause, asked, failed, slower, retry) for cause in causes[:_SHOWN])


def _note(cause: _Cause, asked: Counter[str], failed: Counter[tuple[str, _Cause]], slower: str, retry: str) -> str:
    parts = {host: number for (host, why), number in failed.items() if why == cause}
    host, count = max(sorted(parts.items()), key=lambda part: part[1])
    if 2 * count >= sum(parts.values()):
        where, requests = f"from one host: {host}", asked[host]
    else:
        where, count = f"from {len(parts):,} of {len(asked):,} hosts: each", sum(parts.values())
        requests = sum(asked[name] for name in parts)
    advice = cause.advice.format(slower=slower, retry=retry)
    return (
        f"{count / failed.total():.0%} of {failed.total():,} failures are {where} {cause.answer} "
        f"({count:,} of {requests:,} URLs): {advice}"
    )
