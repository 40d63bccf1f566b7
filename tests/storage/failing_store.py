"""An object store in this process's memory, whose writer can be killed before any write."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlsplit

import pytest
from obstore.store import MemoryStore, from_url

if TYPE_CHECKING:
    from obstore import GetOptions

__all__ = ["FailingStore", "Killed", "serve_failing_urls"]


class Killed(BaseException):
    """Simulated end of the process, which no code may catch."""


class FailingStore:
    """Objects below a URL ``failing://…``; every write beyond ``budget`` kills its writer."""

    memory: ClassVar[MemoryStore] = MemoryStore()
    budget: ClassVar[int | None] = None
    writes: ClassVar[int] = 0
    downloads: ClassVar[list[str]] = []
    before_write: ClassVar[Callable[[int], None] | None] = None
    """Called before each write with the number of writes so far."""
    mutex: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._root = f"{parts.netloc}{parts.path}/"

    @classmethod
    def empty(cls) -> None:
        cls.memory = MemoryStore()
        cls.downloads.clear()
        cls.budget, cls.writes, cls.before_write = None, 0, None

    @classmethod
    def objects(cls) -> dict[str, bytes]:
        """Return full name -> bytes of every object."""
        names = sorted(facts["path"] for batch in cls.memory.list() for facts in batch)
        return {name: bytes(cls.memory.get(name).bytes()) for name in names}

    @classmethod
    def killed_before(cls, write: int, work: Callable[[], object]) -> bool:
        """Do some work, killed before the given write; return whether it was killed before it ended."""
        cls.writes, cls.budget = 0, write
        try:
            work()
        except Killed:
            killed = True
        else:
            killed = False
        cls.budget = None
        return killed

    @classmethod
    def remove(cls, name: str) -> None:
        """Remove an object by its full name, if it exists."""
        cls.memory.delete([name])

    def put(self, name: str, data: bytes, **options: object) -> object:
        self._write()
        return self.memory.put(self._root + name, data, **cast("Any", options))

    def get(self, name: str, *, options: "GetOptions | None") -> object:
        got = self.memory.get(self._root + name, options=options)
        if not (options or {}).get("head"):
            self.downloads.append(name)
        return got

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._write()
            self.memory.delete([self._root + name])

    def list(self, folder: str | None) -> Iterator[list[dict[str, Any]]]:
        for batch in self.memory.list(self._root + (folder or "")):
            yield [{**facts, "path": facts["path"].removeprefix(self._root)} for facts in batch]

    def _write(self) -> None:
        with self.mutex:
            kind = type(self)
            if kind.budget is not None and kind.writes >= kind.budget:
                raise Killed
            kind.writes += 1
            number = kind.writes - 1
        if kind.before_write is not None:
            kind.before_write(number)


def serve_failing_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve URLs ``failing://…`` from an empty store in this process."""

    def opened(url: str, **options: object) -> object:
        return FailingStore(url) if url.startswith("failing:") else from_url(url, **cast("Any", options))

    monkeypatch.setattr("obstore.store.from_url", opened)
    FailingStore.empty()
