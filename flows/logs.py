"""Structured logs of runs: one JSON object per line in ``logs/run.jsonl``."""

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["FILE_ONLY", "LOG_FILE", "logging_to"]

LOG_FILE = Path("logs") / "run.jsonl"
_ROOMS = ("crawler", "extract", "align", "annotate", "splits", "export", "storage", "flows", "m5data")
FILE_ONLY = {"file_only": True}
"""Extra of a record that is only written to the log file, because the command line reports it in its own way."""
_MOST_BYTES = 20_000_000
_OLDER_FILES = 4


class _JsonLines(logging.Formatter):
    """Time, level, run, stage, and where they are known partition and item."""

    def __init__(self, run: str, stage: str) -> None:
        super().__init__()
        self._run, self._stage = run, stage

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "run": self._run,
            "stage": self._stage,
        }
        fields |= {name: value for name in ("partition", "item") if (value := getattr(record, name, None)) is not None}
        fields |= {"room": record.name, "message": record.getMessage()}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


class _LogFile(RotatingFileHandler):
    """The log of a workspace; it ignores errors, since a full disk ends the stage with an error of its own."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name there
        """Lose the record."""


class _Onward(logging.Handler):
    """A handler that passes warnings on to where they would go without this log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        if not getattr(record, "file_only", False):
            logging.getLogger().callHandlers(record)


@contextmanager
def logging_to(root: Path, run: str, stage: str) -> Iterator[None]:
    """Write the rooms' log records of level INFO and above to the workspace's log while the context lasts.

    The file is rotated at 20 MB; four older ones are kept.
    """
    path = root / LOG_FILE
    path.parent.mkdir(exist_ok=True)
    handler = _LogFile(path, maxBytes=_MOST_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(_JsonLines(run, stage))
    with ExitStack() as stack:
        stack.callback(handler.close)
        for room in _ROOMS:
            stack.enter_context(_logged_by(logging.getLogger(room), handler))
        yield


@contextmanager
def _logged_by(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    """Send a logger's records from INFO on to a handler, and to the root logger only warnings, as before."""
    onward, level = _Onward(logging.WARNING), logger.level
    logger.addHandler(handler)
    logger.addHandler(onward)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.setLevel(level)
        logger.removeHandler(onward)
        logger.removeHandler(handler)
