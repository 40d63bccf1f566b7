"""``kill -9`` in every verb that writes, at random moments: run again, it ends in the same tables, with no leftover.

``M5DATA_KILLS`` says how many kills each verb gets, ``M5DATA_SEED`` when they come. Processes are forked from a server
that has imported everything, so that kills strike the work and not the start.
"""

import multiprocessing
import os
import random
import shutil
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from m5data.errors import M5DataError
from storage.identity import load_or_create_key
from tests.pipeline.workspace_content import leftovers
from tests.slow.pipeline.verbs import VERBS, Verb, content_of, run_verb
from tests.takedown.planted import plant

KILLS = int(os.environ.get("M5DATA_KILLS", "10"))
SEED = int(os.environ.get("M5DATA_SEED", "20261123"))
_LONGEST_S = 120.0
_SHORTEST_S = 0.02
_PRELOADED = [
    *("tests.slow.pipeline.verbs", "m5data.repair", "m5data.migration", "m5data.vacuuming", "m5data.copying"),
    *("takedown.forget", "export.export_stage", "export.stats_stage", "crawler.records_stage", "flows.run_stage"),
    *("m5data.verification", "annotate.matches_stage", "extract.texts_stage", "align.review", "export.report.figures"),
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "workspace"
    plant(folder).store.objects.close()
    load_or_create_key(folder)
    return folder


@pytest.fixture(scope="module")
def context() -> multiprocessing.context.ForkServerContext:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(_PRELOADED)
    return server


def _quietly(words: tuple[str, ...]) -> None:
    """Run a verb without its output."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        run_verb(*words)
    except M5DataError:
        raise SystemExit(3) from None


def _words(verb: Verb, folder: Path) -> tuple[str, ...]:
    return tuple(word.format(w=folder, out=folder.with_name("copied")) for word in verb.words)


def _wait(process: BaseProcess, seconds: float) -> bool:
    """Wait for the end; return whether it came."""
    process.join(seconds)
    return process.exitcode is not None


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", VERBS)
def test_a_verb_that_was_killed_is_run_again(
    planted: Path, tmp_path: Path, context: multiprocessing.context.ForkServerContext, name: str
) -> None:
    verb, choose = VERBS[name], random.Random(f"{SEED} {name}")
    start = Path(shutil.copytree(planted, tmp_path / "start" / "workspace"))
    verb.prepare(start)
    first = Path(shutil.copytree(start, tmp_path / "first" / "workspace"))
    whole = Path(shutil.copytree(start, tmp_path / "whole" / "workspace"))
    seconds = min(_run(context, _words(verb, first)), _run(context, _words(verb, whole)))
    expected = content_of(whole)
    struck = 0
    for number in range(KILLS):
        folder = Path(shutil.copytree(start, tmp_path / str(number) / "workspace"))
        process = context.Process(target=_quietly, args=(_words(verb, folder),))
        process.start()
        if not _wait(process, choose.uniform(_SHORTEST_S, seconds)):
            process.kill()
            struck += 1
        process.join()
        _run(context, _words(verb, folder))
        assert content_of(folder) == expected, (name, SEED, number)
        assert leftovers(folder) == leftovers(whole) == [], (name, SEED, number)
        shutil.rmtree(folder.parent)
    print(f"{name}: {KILLS} kills within {seconds:.2f} s, {struck} struck a live process")


def _run(context: multiprocessing.context.ForkServerContext, words: tuple[str, ...]) -> float:
    """Run a verb to its end; return its seconds."""
    began = time.perf_counter()
    process = context.Process(target=_quietly, args=(words,))
    process.start()
    assert _wait(process, _LONGEST_S), words
    assert process.exitcode in {0, 1, 3}, words
    return time.perf_counter() - began
