"""The rules of a source's hosts, fetched before anything else and cached for a day."""

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Protocol

from core.texts import decode_plain, decode_xml, is_binary
from core.urls import absolute, escape_location
from crawler.net.client import ClientLimits, Fetched, FetchError
from crawler.net.http_policy import retry_after_s, retry_wait_s
from crawler.net.robots import Robots, SiteOptOuts, robots_meaning
from crawler.rights.site import SITE_FILES, SiteSignals

__all__ = ["HostRules", "SiteClient", "SiteFiles", "SourceStoppedError"]

_FRESH = timedelta(hours=24)
"""robots.txt should not be cached for longer (RFC 9309, section 2.4)."""
_MAX_REDIRECTS = 5
_MAX_LICENCES = 20
"""Most licences fetched per source; one that is named but not fetched refuses everything."""


class SiteClient(Protocol):
    """What answers requests for the files of a host."""

    async def get(self, url: str, limits: ClientLimits) -> Fetched:
        """Return the response.

        Raises:
            FetchError: There is no complete one.
        """


class SourceStoppedError(Exception):
    """Nothing of this source may be fetched in this run."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HostRules:
    """The rules of one host for crawlers."""

    robots: Robots
    opt_outs: SiteOptOuts | None
    signals: SiteSignals

    def refusal(self, url: str) -> tuple[str, str] | None:
        """Return why the URL must not be fetched, ``robots`` or ``opt_out``, and the file that says so."""
        if not self.robots.allows(url):
            return "robots", "robots.txt: Disallow"
        said = self.opt_outs.refusal(url) if self.opt_outs else None
        return ("opt_out", said) if said else None


class SiteFiles:
    """Fetches robots.txt and similar files of hosts, at most once a day.

    Args:
        client: makes the requests.
        connection: to the frontier, where files are cached.
        now: time of this run.
        limits: of one request.
        retries: further attempts if there is no response.
        backoff_s: wait before the first of them, doubled each time.
        max_wait_s: longest wait.
    """

    def __init__(
        self,
        client: SiteClient,
        connection: sqlite3.Connection,
        *,
        now: datetime,
        limits: ClientLimits,
        retries: int,
        backoff_s: float,
        max_wait_s: float,
    ) -> None:
        self._client = client
        self._connection = connection
        self._now = now
        self._limits = limits
        self._retries = retries
        self._backoff_s = backoff_s
        self._max_wait_s = max_wait_s
        self._random = Random()  # noqa: S311  jitter of waits

    async def rules(self, home: str, agent: str, *, tdm: bool) -> HostRules:
        """Return the rules of the host of ``home``.

        Args:
            home: any URL of the host.
            agent: name by which rules address the crawler.
            tdm: whether reservations against text and data mining count.

        Raises:
            SourceStoppedError: ``unreachable_robots``: it cannot be had, or is no text.
        """
        place = _at(home, "/robots.txt")
        status, text = await self._file(place)
        if robots_meaning(status) == "unreachable" or is_binary(text):
            said = "not a text file" if robots_meaning(status) == "rules" else _fault(status, text)
            raise SourceStoppedError(
                "unreachable_robots", f"{place}: {said}; without it nothing may be fetched (RFC 9309)"
            )
        rules = text if robots_meaning(status) == "rules" else ""
        tdmrep, ai, unread = await self._opt_outs(home)
        signals = SiteSignals.read(home, rules, tdmrep, ai, agent)
        await self.fetch(signals.licences)
        opt_outs = SiteOptOuts.read(tdmrep, ai, agent, unread) if tdm else None
        return HostRules(Robots(rules, agent), opt_outs, signals)

    async def _opt_outs(self, home: str) -> tuple[str, str, str]:
        """Return tdmrep.json, ai.txt, and which of them the host did not let be read; "" where there is none."""
        answers = {path: await self._file(_at(home, path)) for path in SITE_FILES[1:]}
        texts = [text if robots_meaning(status) == "rules" else "" for status, text in answers.values()]
        unread = (
            f"{path.rpartition('/')[2]}: {_fault(status, text)}"
            for path, (status, text) in answers.items()
            if robots_meaning(status) == "unreachable"
        )
        return texts[0], texts[1], next(unread, "")

    async def fetch(self, urls: Iterable[str]) -> None:
        """Fetch the licences that a site or its pages name, so that they can be read (:class:`HostFiles`)."""
        for url in islice(urls, _MAX_LICENCES):
            await self._file(url)

    async def _file(self, url: str) -> tuple[int, str]:
        """Return the status and text of a file, fetched once a day; 0 and the reason if there is no response.

        The last response stays stored while there is no new one: an outage must not allow what a shop has refused.
        """
        row = self._connection.execute(
            "SELECT status, body, fetched_at FROM source_files WHERE url = ?", (url,)
        ).fetchone()
        if row and robots_meaning(row[0]) != "unreachable" and datetime.fromisoformat(row[2]) > self._now - _FRESH:
            return row[0], row[1]
        status, text = await self._fetch(url)
        if row is None or robots_meaning(status) != "unreachable":
            kept = (url, status, text, self._now.isoformat())
            self._connection.execute("INSERT OR REPLACE INTO source_files VALUES (?, ?, ?, ?)", kept)
        return status, text

    async def _fetch(self, url: str) -> tuple[int, str]:
        """Fetch a file, with further attempts if there is no response."""
        attempts = 0
        while True:
            status, text, asked_s = await self._follow(url)
            attempts += 1
            if robots_meaning(status) != "unreachable" or attempts > self._retries:
                return status, text
            wait = retry_wait_s(attempts, asked_s, first_s=self._backoff_s, max_s=self._max_wait_s, random=self._random)
            if wait is None:
                return status, text
            await asyncio.sleep(wait)

    async def _follow(self, url: str) -> tuple[int, str, float | None]:
        """Send one request and follow at most five redirects, to other hosts too (RFC 9309, section 2.3.1.2).

        Returns:
            Status, text and the seconds of Retry-After; status 0 and the reason if there is no response.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                response = await self._client.get(url, self._limits)
            except FetchError as error:
                return 0, str(error), None
            location = response.header("location")
            if not 300 <= response.status < 400:
                asked_s = retry_after_s(response.header("retry-after"), self._now)
                return response.status, _text(response, url), asked_s
            target = absolute(url, escape_location(location))
            if target is None:
                return 0, f"HTTP status {response.status} leads to no web page", None
            url = target
        return 0, f"more than {_MAX_REDIRECTS} redirects", None


def _at(home: str, path: str) -> str:
    return absolute(home, path) or path


def _fault(status: int, text: str) -> str:
    return f"HTTP status {status}" if status else text


def _text(response: Fetched, url: str) -> str:
    """Return the text of a file: those of rules are plain texts, licences are XML."""
    decode = decode_plain if url.partition("?")[0].endswith((".txt", ".json")) else decode_xml
    return decode(response.body, response.header("content-type"), url).text
