"""The stages of a product's journey: ordinary functions over a workspace, in order."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Literal

from flows.context import RunContext
from m5data.forgetting import finish_forgetting
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["PARTS", "STAGES", "Part", "run_stage"]

Part = Literal["collect", "process", "dataset", "everything"]

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "crawl": "flows.collecting",
        "ingest": "flows.collecting",
        "records": "flows.collecting",
        "download": "flows.collecting",
        "extract": "flows.processing",
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
_PROCESS = ("extract", "dedup", "align")
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
    """Run one stage under the workspace's lock, once a take-down that was killed is finished."""
    with workspace.store.lock():
        finish_forgetting(workspace)
        function: Callable[[Workspace, RunContext], StageReport] = getattr(import_module(STAGES[name]), name)
        return function(workspace, context)
