"""The program in processes forked from a server with all imports, so that faults strike its work and not its start."""

import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from m5data.cli.main import main

__all__ = ["Ended", "WarmProgram"]

_PRELOADED = [
    *("tests.slow.pipeline.warm", "crawler.crawl_stage", "crawler.ingest_stage", "crawler.records_stage"),
    *("crawler.download_stage", "extract.extract_stage", "extract.texts_stage", "extract.dedup_stage"),
    *("align.align_stage", "align.review", "annotate.candidates_stage", "annotate.tasks_stage"),
    *("annotate.judgements_stage", "annotate.matches_stage", "annotate.export_judgements", "splits.splits_stage"),
    *("export.export_stage", "export.stats_stage", "export.report.page", "workspace.repair"),
    *("workspace.vacuuming", "workspace.copying", "workspace.verification", "takedown.forget", "flows.run_stage"),
    *("flows.stage_arguments", "scale.command", "webapp.security.people", "export.report.page"),
    *("scale.training.train", "torch._dynamo", "tests.slow.pipeline.dictionary"),
]
_LONGEST_S = 300.0
"""Seconds after which a verb counts as hanging."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Outcome of a program."""

    code: int
    """Exit code; negative for a signal."""
    said: str
    seconds: float

    @property
    def message(self) -> str:
        """The last printed line."""
        return next((line for line in reversed(self.said.splitlines()) if line.strip()), "")

    @property
    def has_traceback(self) -> bool:
        """Whether it ended with a traceback or a panic, which no user can act on."""
        return "Traceback (most recent" in self.said or "panicked at" in self.said


class WarmProgram:
    """Starts the program's verbs; their output goes to a file.

    Args:
        folder: Folder of the file.
    """

    def __init__(self, folder: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)
        self._said = folder / "said"

    def start(self, *words: object) -> BaseProcess:
        """Start a verb."""
        process = self._context.Process(target=_enter, args=(self._said, [str(word) for word in words]))
        process.start()
        return process

    def run(self, *words: object) -> Ended:
        """Run a verb to its end."""
        began = time.perf_counter()
        process = self.start(*words)
        process.join(_LONGEST_S)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{words}: did not end")
        return Ended(process.exitcode, self._said.read_text(errors="replace"), time.perf_counter() - began)

    def well(self, *words: object) -> Ended:
        """Run a verb that must succeed."""
        ended = self.run(*words)
        assert ended.code == 0, (words, ended)
        return ended


def _enter(said: Path, words: list[str]) -> None:
    """Run the program in this process, with its output in a file."""
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = ["m5data", *words]
    main()
