"""The stages of the pipeline, in order.

The flows, the command line's verbs, ``m5data redo``, ``m5data status``, ``m5data run --dry-run`` and docs/stages.md all
follow from ``STAGES``. To add a stage, write a module with ``run(store, settings, *, clock, progress)``, give its
settings, if any, a section in :class:`workspace.settings.Settings`, and add a ``StageSpec`` here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from core.names import dashed
from core.usage import Purpose

__all__ = ["PARTS", "STAGES", "Option", "Part", "StageSpec", "resolve", "stages_of"]

Part = Literal["collect", "process", "dataset", "everything"]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that a run may replace: an option of the stage's verb."""

    name: str
    """Key of the setting; the option is called the same, with hyphens."""
    type: Any = str
    help: str = ""
    """One line; empty: the verb itself takes the value, in a form of its own."""
    metavar: str | None = None
    low: float | None = None
    """Least value of a number."""
    high: float | None = None
    """Greatest value."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage. Functions are named by import path, ``package.module:function``, and loaded on demand."""

    name: str
    """Name in versions, logs, metrics and the table ``rejects``."""
    part: Literal["collect", "process", "dataset"]
    """Part of the pipeline, and flow, that the stage belongs to."""
    meaning: str
    """Summary of the stage, as one line of help."""
    run: str
    """The stage: ``run(store, settings, *, clock, progress) -> StageReport``; ``settings`` only if it has a section."""
    reads: tuple[str, ...] = ()
    """Tables that the result depends on; ``*`` is every table."""
    writes: tuple[str, ...] = ()
    """Tables that the stage writes; each stage also writes its rows of ``rejects``."""
    settings: str | None = None
    """Section of m5data.toml, e.g. ``annotate.tasks``."""
    options: tuple["Option", ...] = ()
    """Settings of that section that a run may replace."""
    arguments: str | None = None
    """``(workspace, settings, context) -> Mapping``: further arguments of ``run``, after any preparatory work."""
    verb: str | None = None
    """Verb of the command line; None: the stage's name, with hyphens."""
    then: str | None = None
    """Stage that the verb runs afterwards."""
    in_flow: bool = True
    """Whether flows run the stage; False: it needs a file or a person, and runs by its verb alone."""
    partition: str = "the whole dataset"
    """Unit of work that a run is divided into, and the most that a killed run repeats."""
    on_ray: bool = False
    """Whether partitions can run on a Ray cluster; ``run`` then accepts ``runner``."""
    redo: str | None = "workspace.invalidate:forget_run"
    """``(workspace, stage, selection, *, dry_run) -> int``: forgets its work and counts it; None: cannot be redone."""
    pending: str | None = None
    """``(outlook) -> Iterable[PlanLine]``: its pending work; None: not known before a run."""

    @property
    def command(self) -> str:
        """Words that follow ``m5data`` on the command line."""
        return self.verb or dashed(self.name)


def resolve(path: str) -> Callable[..., Any]:
    """Import and return the function at ``package.module:function``."""
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


_ALL = (
    StageSpec(
        "crawl",
        part="collect",
        meaning="Fetch product pages of authorised sources and read them.",
        run="crawler.crawl_stage:run",
        settings="crawl",
        arguments="flows.stage_arguments:crawl",
        then="records",
        partition="a page",
        redo="workspace.invalidate:forget_fetched_pages",
        pending="workspace.dry_run:pages_to_fetch",
    ),
    StageSpec(
        "ingest",
        part="collect",
        meaning="Take the products of a source from a feed.",
        run="crawler.ingest_stage:run",
        reads=("products", "specs"),
        writes=("products", "specs", "variants", "media", "history"),
        settings="crawl",
        arguments="flows.stage_arguments:ingest",
        in_flow=False,
        partition="a feed",
        redo=None,
    ),
    StageSpec(
        "records",
        part="collect",
        meaning="Read stored pages into product records.",
        run="crawler.records_stage:run",
        writes=("products", "specs", "variants", "media", "history", "usage_rights"),
        settings="crawl",
        arguments="flows.stage_arguments:records",
        partition="a page",
        redo="workspace.invalidate:forget_read_pages",
        pending="workspace.dry_run:pages_to_read",
    ),
    StageSpec(
        "download",
        part="collect",
        meaning="Fetch every image and video once.",
        run="crawler.download_stage:run",
        reads=("media",),
        writes=("media",),
        settings="download",
        options=(Option("min_success", float, "End with 1 below this share of URLs.", "F", 0.0, 1.0),),
        arguments="flows.stage_arguments:download",
        partition="a URL, by host",
        on_ray=True,
        redo="workspace.invalidate:forget_media",
        pending="workspace.dry_run:media_to_fetch",
    ),
    StageSpec(
        "extract",
        part="process",
        meaning="Extract frames, audio and image measures; clean captions.",
        run="extract.extract_stage:run",
        reads=("media",),
        writes=("frames", "audio", "images"),
        settings="extract",
        arguments="flows.stage_arguments:extract",
        then="texts",
        partition="some hundred stored images or videos",
        on_ray=True,
        redo="workspace.invalidate:forget_extracted",
        pending="workspace.dry_run:objects_to_decode",
    ),
    StageSpec(
        "image_text",
        part="process",
        meaning="Read the text in images, where extract.ocr is true.",
        run="extract.image_text_stage:run",
        reads=("products", "media"),
        writes=("image_text",),
        settings="extract",
        arguments="flows.stage_arguments:extract",
        partition="some dozen stored images",
        on_ray=True,
        pending="workspace.dry_run:images_to_read",
    ),
    StageSpec(
        "texts",
        part="process",
        meaning="Clean captions and grade how they match specifications.",
        run="extract.texts_stage:run",
        reads=("products", "specs"),
        writes=("texts",),
        settings="texts",
    ),
    StageSpec(
        "dedup",
        part="process",
        meaning="Drop exact duplicates and group near duplicates.",
        run="extract.dedup_stage:run",
        reads=("products", "specs", "media", "images", "frames"),
        writes=("duplicates", "duplicate_pairs", "fingerprints"),
        settings="dedup",
    ),
    StageSpec(
        "align",
        part="process",
        meaning="Align the categories of all sources; label every product.",
        run="align.align_stage:run",
        reads=("products", "duplicates", "specs", "images", "image_text"),
        writes=("label_map", "label_pairs", "targets", "labels", "properties", "spec_norms", "spec_proposals"),
        settings="align",
        arguments="flows.stage_arguments:align",
        options=(Option("rule", help="Rule that decides which categories are equal.", metavar="mep3m|learned"),),
    ),
    StageSpec(
        "candidates",
        part="dataset",
        meaning="Sample queries and find the products most like each.",
        run="annotate.candidates_stage:run",
        reads=("products", "specs", "images", "labels", "duplicates", "reserve"),
        writes=("candidates",),
        settings="annotate.candidates",
        options=(
            Option("encoder", str, "Encoder of products as vectors (default: the settings').", "light|paper|scale"),
            Option("checkpoint", Path, "Model that m5data train wrote, for the encoder scale.", "FILE"),
            Option("search", str, "Search method (default: the settings').", "exact|approximate"),
            Option("seed", int, "Seed of the sample of queries."),
        ),
        arguments="flows.stage_arguments:candidates",
        partition="some dozen products, where on Ray",
        on_ray=True,
        verb="annotate candidates",
        in_flow=False,
        redo=None,
    ),
    StageSpec(
        "tasks",
        part="dataset",
        meaning="Put candidates on the task board; existing tasks stay.",
        run="annotate.tasks_stage:run",
        reads=("candidates", "labels"),
        settings="annotate.tasks",
        options=(
            Option("workers", int, "Different workers per task."),
            Option("seed", int, "Seed of the tasks' order."),
        ),
        arguments="flows.stage_arguments:tasks",
        verb="annotate tasks",
        in_flow=False,
        redo=None,
    ),
    StageSpec(
        "judgements",
        part="dataset",
        meaning="Import judgements from a file; bad rows become rejects.",
        run="annotate.judgements_stage:run",
        reads=("products",),
        arguments="flows.stage_arguments:judgements",
        verb="annotate import",
        in_flow=False,
        partition="a file",
        redo=None,
    ),
    StageSpec(
        "matches",
        part="dataset",
        meaning="Aggregate judgements into matches.",
        run="annotate.matches_stage:run",
        reads=("products",),
        writes=("judgements", "matches"),
        settings="annotate",
        options=(
            Option(
                "method",
                str,
                "Method that decides each pair (default: annotate.method of the settings).",
                "majority|dawid-skene|glad|weighted",
            ),
        ),
        arguments="flows.stage_arguments:matches",
        verb="annotate aggregate",
    ),
    StageSpec(
        "splits",
        part="dataset",
        meaning="Reserve products for evaluation and build a recipe's splits.",
        run="splits.splits_stage:run",
        reads=("products", "duplicates", "labels", "matches", "media", "images", "reserve"),
        writes=("reserve", "splits", "recipes"),
        settings="splits",
        options=(
            Option("recipe", str, "A shipped recipe or a TOML file.", "NAME|FILE"),
            Option("seed", int, "Seed of the draw.", "N"),
        ),
        verb="build-splits",
    ),
    StageSpec(
        "export",
        part="dataset",
        meaning="Write shards of the splits, a manifest and a dataset card.",
        run="export.export_stage:run",
        reads=("splits", "products", "specs", "media", "frames", "audio", "labels", "usage_rights"),
        settings="export",
        options=(
            Option("formats"),
            Option("splits"),
            Option("out", str, "Folder or s3://bucket/prefix (default: shards/).", "URI"),
            Option("recipe", str, "Recipe (default: m5data.toml's).", "NAME"),
            Option(
                "where",
                str,
                "Only products that meet this condition on the view catalogue; into a folder of their own.",
                "SQL",
            ),
            Option("purpose", Purpose, "Leave out products whose shop refuses this use (default: m5data.toml's)."),
        ),
        arguments="flows.stage_arguments:export",
        partition="a shard",
        on_ray=True,
    ),
    StageSpec(
        "stats",
        part="dataset",
        meaning="Write the report: one HTML page with figures.",
        run="export.stats_stage:run",
        reads=("*",),
    ),
)

STAGES: Mapping[str, StageSpec] = MappingProxyType({spec.name: spec for spec in _ALL})
"""Name -> stage, in pipeline order."""


def _in_flow(*parts: str) -> tuple[str, ...]:
    return tuple(spec.name for spec in _ALL if spec.in_flow and spec.part in parts)


PARTS: Mapping[Part, tuple[str, ...]] = MappingProxyType(
    {
        "collect": _in_flow("collect"),
        "process": _in_flow("process"),
        "dataset": _in_flow("dataset"),
        "everything": _in_flow("collect", "process", "dataset"),
    }
)
"""Flow -> its stages, in order."""


def stages_of(part: Part, *, media: bool = True) -> tuple[str, ...]:
    """Return the stages of a flow, in order.

    Args:
        part: The flow.
        media: Whether images and videos are fetched and decoded.
    """
    return tuple(name for name in PARTS[part] if media or name not in {"download", "extract", "image_text"})
