"""All settings of a workspace: ``m5data.toml``, one section per stage."""

from operator import attrgetter

from pydantic import Field, model_validator

from align.settings import AlignSettings
from annotate.settings import AnnotateSettings
from crawler.settings import CrawlSettings, DownloadSettings
from export.settings import ExportSettings
from extract.settings import DedupSettings, ExtractSettings, TextSettings
from m5data.stage_settings import StageSettings
from splits.settings import SplitSettings
from webapp.settings import ServeSettings

__all__ = ["MachineSettings", "RunSettings", "Settings", "StoreSettings"]


class StoreSettings(StageSettings):
    """How tables are laid out, and what m5data vacuum leaves."""

    buckets: int = Field(default=16, ge=1, le=4096)
    """Hash buckets of a table: 16 suit up to some million products; 1 to 4, some thousand. Fixed when the workspace
    is made: m5data copy makes one with another number."""
    keep_versions: int = Field(default=10, ge=1)
    """So many newest dataset versions stay when m5data vacuum runs."""
    keep_days: float = Field(default=30, ge=0)
    """Dataset versions younger than so many days stay, too; and those that splits or an export came from."""


class MachineSettings(StageSettings):
    """What a run may take of the machine it shares."""

    cores: int | None = Field(default=None, ge=1)
    """Cores for all processes of a run together; None: all there are. Has no influence on results."""
    memory_mb: int | None = Field(default=None, ge=1024)
    """Memory that a run plans with: half of it for each of the two queries that a stage runs at most, and no more
    decoder processes than have room at their limit (extract.limits.memory_mb). None: 1 GB a query, a decoder a core."""
    bandwidth_mbit: float | None = Field(default=None, gt=0)
    """Most megabits a second that media take over all hosts, on average; None: what there is."""
    min_free_gb: float = Field(default=1.0, ge=0)
    """A run does not start, and stops, when the workspace's disk has less free than this."""


class RunSettings(StageSettings):
    """Time limit of a stage, and notifications of a failed run."""

    stage_hours: float = Field(default=168.0, gt=0)
    """Hours after which a stage of a flow is given up; what it finished is kept. A week: larger than any honest run."""
    notify_command: tuple[str, ...] = ()
    """Program and arguments that are started when a run fails; it is given one JSON object on standard input."""
    notify_webhook: str | None = Field(default=None, pattern="^https?://")
    """URL that the same JSON object is posted to when a run fails."""
    notify_seconds: float = Field(default=30.0, gt=0)
    """How long either may take."""


class Settings(StageSettings):
    """``m5data.toml``; every section may be left out."""

    store: StoreSettings = StoreSettings()
    """How tables are laid out, and which dataset versions stay."""
    crawl: CrawlSettings = CrawlSettings()
    """Which shops, with whose permission, how politely; shops are written as ``[sources.NAME]``."""
    download: DownloadSettings = DownloadSettings()
    """How media are fetched, and what is refused."""
    extract: ExtractSettings = ExtractSettings()
    """Frames, audio and image measures."""
    texts: TextSettings = TextSettings()
    """How captions and tables are graded."""
    dedup: DedupSettings = DedupSettings()
    """What counts as a duplicate."""
    align: AlignSettings = AlignSettings()
    """How category paths become one hierarchy."""
    annotate: AnnotateSettings = AnnotateSettings()
    """How judgements become matches."""
    splits: SplitSettings = SplitSettings()
    """Recipe, seed and reserve."""
    export: ExportSettings = ExportSettings()
    """What leaves the workspace."""
    serve: ServeSettings = ServeSettings()
    """The web application."""
    machine: MachineSettings = MachineSettings()
    """What a run may take of the machine it shares: cores, memory, bandwidth, disk."""
    run: RunSettings = RunSettings()
    """How long a stage may take, and where a failed run is reported."""

    def section(self, name: str) -> StageSettings:
        """Return a section by its name in m5data.toml, e.g. ``annotate.tasks``."""
        found: StageSettings = attrgetter(name)(self)
        return found

    @model_validator(mode="before")
    @classmethod
    def _sources_belong_to_the_crawl(cls, values: object) -> object:
        """Let shops be written as ``[sources.NAME]``, which is what messages call them."""
        if isinstance(values, dict) and "sources" in values:
            rest = {key: value for key, value in values.items() if key != "sources"}
            crawl = rest.get("crawl", {})
            if isinstance(crawl, dict):
                return {**rest, "crawl": {**crawl, "sources": values["sources"]}}
        return values
