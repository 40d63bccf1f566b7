"""An object store in this process's memory, whose writer can be killed before any of its writes."""

import threading
from typing import Any, ClassVar

from fsspec.implementations.memory import MemoryFileSystem

__all__ = ["FailingStore", "Killed"]


class Killed(BaseException):
    """Stands for the end of the process: nobody may catch it."""


class FailingStore(MemoryFileSystem):  # type: ignore[misc]
    """Objects in memory; of those who write, the one who uses up ``budget`` is killed, and writes no more."""

    protocol = "failing"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    budget: ClassVar[int | None] = None
    writes: ClassVar[int] = 0
    downloads: ClassVar[list[str]] = []
    mutex: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def empty(cls) -> None:
        cls.store.clear()
        cls.pseudo_dirs[:] = [""]
        cls.downloads.clear()
        cls.budget, cls.writes = None, 0

    @classmethod
    def objects(cls) -> dict[str, bytes]:
        return {name: bytes(file.getbuffer()) for name, file in sorted(cls.store.items())}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("failing://", "memory://")))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: object) -> None:
        self._write()
        super().pipe_file(path, value, mode=mode, **kwargs)

    def put_file(self, lpath: str, rpath: str, **kwargs: object) -> None:
        self._write()
        super().put_file(lpath, rpath, **kwargs)

    def rm_file(self, path: str) -> None:
        self._write()
        super().rm_file(path)

    def get_file(self, rpath: str, lpath: str, **kwargs: object) -> None:
        self.downloads.append(rpath)
        super().get_file(rpath, lpath, **kwargs)

    def _write(self) -> None:
        with self.mutex:
            kind = type(self)
            if kind.budget is not None and kind.writes >= kind.budget:
                raise Killed
            kind.writes += 1
