"""The stages of a product's journey: ordinary functions over a workspace, in order."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from flows import collecting, finishing, processing
from flows.context import RunContext
from m5data.stage import StageReport
from m5data.workspace import Workspace

__all__ = ["PARTS", "STAGES", "Part", "run_stage"]

Part = Literal["collect", "process", "dataset", "everything"]

STAGES: Mapping[str, Callable[[Workspace, RunContext], StageReport]] = MappingProxyType(
    {
        "crawl": collecting.crawl,
        "ingest": collecting.ingest,
        "records": collecting.records,
        "download": collecting.download,
        "extract": processing.extract,
        "dedup": processing.dedup,
        "align": processing.align,
        "judgements": finishing.judgements,
        "matches": finishing.matches,
        "splits": finishing.splits,
        "export": finishing.export,
        "stats": finishing.stats,
    }
)
"""Stage -> function."""

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
    """Run one stage under the workspace's lock."""
    with workspace.store.lock():
        return STAGES[name](workspace, context)
