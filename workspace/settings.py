"""All settings of a workspace: ``m5data.toml``, one section per stage."""

from operator import attrgetter

from pydantic import Field, model_validator

from align.settings import AlignSettings
from annotate.settings import AnnotateSettings
from core.stage_settings import StageSettings
from crawler.settings import CrawlSettings, DownloadSettings
from export.settings import ExportSettings
from extract.settings import DedupSettings, ExtractSettings, TextSettings
from splits.settings import SplitSettings
from webapp.settings import ServeSettings

__all__ = ["MachineSettings", "RunSettings", "Settings", "StoreSettings"]


class StoreSettings(StageSettings):
    """Layout of tables, and dataset versions that m5data vacuum keeps."""

    buckets: int = Field(default=16, ge=1, le=4096)
    """Hash buckets per table: 16 suit up to some million products; 1 to 4, some thousand. Fixed when the workspace
    is created: m5data copy creates one with another number."""
    keep_versions: int = Field(default=10, ge=1)
    """Number of newest dataset versions that m5data vacuum keeps."""
    keep_days: float = Field(default=30, ge=0)
    """m5data vacuum also keeps dataset versions younger than this many days, and those that splits or an export came
    from."""


class MachineSettings(StageSettings):
    """Limits of a run on the machine it shares."""

    cores: int | None = Field(default=None, ge=1)
    """Cores for all processes of a run together; None: all cores. Does not affect results."""
    memory_mb: int | None = Field(default=None, ge=1024)
    """Memory that a run plans with: half of it for each of the at most two queries of a stage, and no more decoder
    processes than fit at their limit (extract.limits.memory_mb). None: per query a sixteenth of the memory
    of the machine or container, at least 500 MB, and one decoder per core."""
    bandwidth_mbit: float | None = Field(default=None, gt=0)
    """Maximum megabits per second for media over all hosts, on average; None: no limit."""
    min_free_gb: float = Field(default=1.0, ge=0)
    """A run does not start, and a running one stops, if the workspace's disk has less free space than this."""


class RunSettings(StageSettings):
    """Time limit of a stage, and notifications of a failed run."""

    stage_hours: float = Field(default=168.0, gt=0)
    """Hours after which a flow gives up a stage; its finished work is kept. A week exceeds any legitimate run."""
    notify_command: tuple[str, ...] = ()
    """Program and arguments to start when a run fails; it receives one JSON object on standard input."""
    notify_webhook: str | None = Field(default=None, pattern="^https?://")
    """URL to post the same JSON object to when a run fails."""
    notify_seconds: float = Field(default=30.0, gt=0)
    """Time limit of either, in seconds."""


class Settings(StageSettings):
    """``m5data.toml``; every section is optional."""

    store: StoreSettings = StoreSettings()
    """Layout of tables, and which dataset versions are kept."""
    crawl: CrawlSettings = CrawlSettings()
    """Shops to crawl, their permissions, and politeness; shops are written as ``[sources.NAME]``."""
    download: DownloadSettings = DownloadSettings()
    """How media are fetched, and which are refused."""
    extract: ExtractSettings = ExtractSettings()
    """Frames, audio and image measures."""
    texts: TextSettings = TextSettings()
    """How captions and tables are graded."""
    dedup: DedupSettings = DedupSettings()
    """Criteria for duplicates."""
    align: AlignSettings = AlignSettings()
    """How category paths become one hierarchy."""
    annotate: AnnotateSettings = AnnotateSettings()
    """How judgements become matches."""
    splits: SplitSettings = SplitSettings()
    """Recipe, seed and reserve."""
    export: ExportSettings = ExportSettings()
    """Content of an export, and where it is written."""
    serve: ServeSettings = ServeSettings()
    """The web application."""
    machine: MachineSettings = MachineSettings()
    """Limits of a run on the machine it shares: cores, memory, bandwidth, disk."""
    run: RunSettings = RunSettings()
    """Time limit of a stage, and where failed runs are reported."""

    def section(self, name: str) -> StageSettings:
        """Return a section by its name in m5data.toml, e.g. ``annotate.tasks``."""
        found: StageSettings = attrgetter(name)(self)
        return found

    @model_validator(mode="before")
    @classmethod
    def _sources_belong_to_the_crawl(cls, values: object) -> object:
        """Accept shops as ``[sources.NAME]``, the name that messages use for them."""
        if isinstance(values, dict) and "sources" in values:
            rest = {key: value for key, value in values.items() if key != "sources"}
            crawl = rest.get("crawl", {})
            if isinstance(crawl, dict) and "sources" in crawl:
                raise ValueError("write each shop as [sources.NAME], none as [crawl.sources.NAME]")
            if isinstance(crawl, dict):
                return {**rest, "crawl": {**crawl, "sources": values["sources"]}}
        return values
