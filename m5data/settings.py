"""All settings of a workspace: ``m5data.toml``, a section a stage."""

from pydantic import Field, model_validator

from align.settings import AlignSettings
from annotate.settings import AnnotateSettings
from crawler.download_settings import DownloadSettings
from crawler.settings import CrawlSettings
from export.settings import ExportSettings
from extract.dedup_settings import DedupSettings
from extract.settings import ExtractSettings
from m5data.stage_settings import StageSettings
from splits.settings import SplitSettings

__all__ = ["Settings", "StoreSettings"]


class StoreSettings(StageSettings):
    """How tables are laid out, and what m5data vacuum leaves."""

    buckets: int = Field(default=16, ge=1, le=4096)
    """Hash buckets of a table: 16 suit up to some million products; 1 to 4, some thousand. Fixed when the workspace
    is made: m5data copy makes one with another number."""
    keep_versions: int = Field(default=10, ge=1)
    """So many newest dataset versions stay when m5data vacuum runs."""
    keep_days: float = Field(default=30, ge=0)
    """Dataset versions younger than so many days stay, too; and those that splits or an export came from."""


class Settings(StageSettings):
    """``m5data.toml``; every section may be left out."""

    store: StoreSettings = StoreSettings()
    """How tables are laid out, and which dataset versions stay."""
    crawl: CrawlSettings = CrawlSettings()
    """Which shops, with whose permission, how politely; shops are written as ``[sources.NAME]``."""
    download: DownloadSettings = DownloadSettings()
    """How media are fetched, and what is refused."""
    extract: ExtractSettings = ExtractSettings()
    """Frames, sound and image measures."""
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
