"""The stages of a product's journey: ordinary functions over a workspace, in order."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import Literal

from flows.context import RunContext
from flows.logs import UNTOLD, logging_to
from flows.machine import confined
from flows.naming import disk_faults_named
from flows.watching import watching
from m5data.stage import StageReport
from m5data.workspace import Workspace
from takedown.forget import finish_takedown

__all__ = ["PARTS", "STAGES", "Part", "run_stage"]

_LOG = logging.getLogger(__name__)

Part = Literal["collect", "process", "dataset", "everything"]

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "crawl": "flows.collecting",
        "ingest": "flows.collecting",
        "records": "flows.collecting",
        "download": "flows.collecting",
        "extract": "flows.processing",
        "texts": "flows.processing",
        "dedup": "flows.processing",
        "align": "flows.processing",
        "candidates": "flows.finishing",
        "tasks": "flows.finishing",
        "judgements": "flows.finishing",
        "matches": "flows.finishing",
        "splits": "flows.finishing",
        "export": "flows.finishing",
        "stats": "flows.finishing",
    }
)
"""Stage -> module that holds a function of its name; imported when it runs, for some rooms load much."""

_COLLECT = ("crawl", "records", "download")
_PROCESS = ("extract", "texts", "dedup", "align")
_DATASET = ("matches", "splits", "export", "stats")

PARTS: Mapping[Part, tuple[str, ...]] = MappingProxyType(
    {
        "collect": _COLLECT,
        "process": _PROCESS,
        "dataset": _DATASET,
        "everything": (*_COLLECT, *_PROCESS, *_DATASET),
    }
)
"""Part of the pipeline -> its stages, in order."""


def run_stage(workspace: Workspace, name: str, context: RunContext) -> StageReport:
    """Run one stage under the workspace's lock, once a take-down that was killed is finished.

    It keeps to the machine settings, is logged, and writes down how far it is.
    """
    with (
        workspace.store.lock(),
        logging_to(workspace.root, context.run, name),
        confined(workspace.settings.machine),
        disk_faults_named(workspace.root, name),
        watching(workspace, name, context) as watch,
    ):
        finish_takedown(workspace.store)
        return _logged(name, lambda: _function(name)(workspace, replace(context, progress=watch)))


def _function(name: str) -> Callable[[Workspace, RunContext], StageReport]:
    function: Callable[[Workspace, RunContext], StageReport] = getattr(import_module(STAGES[name]), name)
    return function


def _logged(name: str, work: Callable[[], StageReport]) -> StageReport:
    _LOG.info("%s: begins", name)
    try:
        report = work()
    except BaseException as error:
        _LOG.error("%s: ended by %s: %s", name, type(error).__name__, error, extra=UNTOLD)
        raise
    _LOG.info("%s", report.sentence())
    return report
