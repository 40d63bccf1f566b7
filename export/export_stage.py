"""The stage ``export``: for each format a folder of shards, with a manifest, a dataset card and Croissant metadata."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from export.card import dataset_card
from export.croissant import croissant
from export.folders import open_folder
from export.link_shards import LINKS_SUFFIX, RECORDS_SUFFIX, LinkShard, M5ProductShard, Mep3mShard
from export.manifest import CARD, CROISSANT, Claim, is_whole
from export.parquet_shards import SUFFIX as PARQUET_SUFFIX
from export.parquet_shards import open_parquet_shard
from export.reader import chosen_sql, split_names, stored_samples
from export.registry import remember_export
from export.rights import LeftOutCounts, Rights, Use, check_rights, count_left_out, left_out
from export.settings import ExportSettings, ShardFormat
from export.shards import ShardWriter, Target, as_rows, write_split
from export.webdataset_shards import SUFFIX as TAR_SUFFIX
from export.webdataset_shards import open_tar_shard
from m5data.errors import NotAuthorisedError, UsageError
from m5data.modalities import Sample, modalities, modality_tables
from m5data.records import Reject
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from m5data.version import __version__
from storage import Snapshot, Stage, Store

__all__ = ["READS", "run"]

_WRITERS: Mapping[ShardFormat, tuple[str, Callable[[Path], ShardWriter]]] = MappingProxyType(
    {
        "parquet": (PARQUET_SUFFIX, open_parquet_shard),
        "webdataset": (TAR_SUFFIX, open_tar_shard),
        "links": (LINKS_SUFFIX, LinkShard),
        "m5product": (RECORDS_SUFFIX, M5ProductShard),
        "mep3m": (RECORDS_SUFFIX, Mep3mShard),
    }
)
"""Format -> suffix of its files, and what writes one."""

_FACTS_ALONE: Mapping[ShardFormat, tuple[str, ...]] = MappingProxyType(
    {"links": ("image", "caption"), "m5product": ("image", "caption", "specs"), "mep3m": ("image", "caption")}
)
"""Formats that name media by their addresses, for which no bytes are read, and the modalities that they write."""


READS = ("splits", "products", "specs", "media", "frames", "audio", "labels", "usage_rights")
"""Tables that samples are read from, beside those that modalities declare."""

_CATALOGUE = ("duplicates", "rejects")
"""Tables that the view ``catalogue`` needs beside them."""

_Claims = dict[ShardFormat, Claim]
"""Format -> its folder."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One export."""

    store: Store
    snapshot: Snapshot
    recipe: str
    splits: tuple[str, ...]
    settings: ExportSettings
    rights: Mapping[str, Rights]
    left_out: LeftOutCounts
    progress: Progress

    @property
    def use(self) -> Use:
        """What the samples are for."""
        return _use(self.settings, self.rights)

    def samples(self, split: str, form: ShardFormat) -> Callable[[int], Iterator[Sample]]:
        """Return what reads the samples of a split from a number on."""
        licences = {source: right.licence for source, right in self.rights.items()}
        only = _FACTS_ALONE.get(form)
        objects = self.store.objects if only is None else None

        def read(start: int) -> Iterator[Sample]:
            self.progress.advance(start)
            settings = self.settings
            samples = stored_samples(
                objects, self.snapshot, split, self.recipe, licences, start, settings.where, self.use, only
            )
            for sample in samples:
                yield sample
                self.progress.advance()

        return read


def run(
    store: Store,
    settings: ExportSettings,
    *,
    recipe: str,
    rights: Mapping[str, Rights],
    clock: Clock = utc_now,
    progress: Progress = SilentProgress(),
) -> StageReport:
    """Write the shards of a recipe's splits.

    Reads samples, one per row of ``splits``; drops those whose shop refuses the purpose, for the kind of signal that
    does (``source``: the settings no longer authorise it). Killed and run again, it resumes after the last shard that
    was finished.

    Args:
        store: The workspace's storage.
        settings: Formats, splits, sizes and place.
        recipe: Recipe whose splits are written.
        rights: Source -> what it allows.
        clock: Unused by the shards, which carry no time.
        progress: Advanced by every sample written.

    Raises:
        NotAuthorisedError: A source in the splits may not be shared, or no sample may be used for the purpose.
        MissingInputError: The recipe has not been built.
        UsageError: It has no such split, or the destination cannot be written to.
    """
    del clock
    began = time.monotonic()
    digest = json.dumps(
        [settings.digest(), recipe, sorted((k, r.share, r.licence, r.crawl) for k, r in rights.items())]
    )
    with store.stage("export", settings=digest, reads=_reads(settings)) as stage, ExitStack() as opened:
        places = {form: f"{_place(store, settings, recipe)}/{form}" for form in settings.formats}
        if not stage.unchanged:
            check_rights(stage.before, recipe, rights)
        splits = _chosen(settings, split_names(stage.before, recipe), recipe)
        folders = {form: opened.enter_context(open_folder(place)) for form, place in places.items()}
        if stage.unchanged and all(is_whole(folders[form], place) for form, place in places.items()):
            return stage.report_unchanged()
        asked = (stage.before, chosen_sql(settings.where), recipe, splits, _use(settings, rights))
        refused = count_left_out(left_out(*asked))
        job = _Job(store, stage.before, recipe, splits, settings, rights, refused, progress)
        _check_any_left(job)
        claims = {form: Claim(folders[form], place) for form, place in places.items()}
        for place in places.values():
            remember_export(store, place, recipe, stage.before.number)
        count = _export(stage, job, claims, digest)
        stage.reject(Reject(one.product_id, one.signals[0], f"{one.split}: {one.detail}") for one in left_out(*asked))
        seconds = time.monotonic() - began
        report = StageReport("export", count + refused.total, count, refused.by_first, seconds=seconds)
        return stage.commit(report)


def _use(settings: ExportSettings, rights: Mapping[str, Rights]) -> Use:
    return Use(settings.purpose, [name for name, right in rights.items() if not right.crawl])


def _check_any_left(job: _Job) -> None:
    """Raise where the shops refuse the purpose for every sample."""
    if job.left_out.total and not _count(job):
        named = ", ".join(f"{signal} {count:,}" for signal, count in job.left_out.by_signal.items())
        raise NotAuthorisedError(
            f"export of recipe {job.recipe!r}: no sample may be used to {job.settings.purpose}: {named}. m5data rights "
            "shows who refuses it; export for another purpose, or ask the shops."
        )


def _reads(settings: ExportSettings) -> tuple[str, ...]:
    condition = _CATALOGUE if settings.where else ()
    return (*READS, *condition, *(spec.name for spec in modality_tables()))


def _place(store: Store, settings: ExportSettings, recipe: str) -> str:
    return f"{str(settings.out or store.root / 'shards').rstrip('/')}/{recipe}"


def _export(stage: Stage, job: _Job, claims: _Claims, digest: str) -> int:
    """Write every format, its manifest last; return the samples of one format."""
    job.progress.start("export", _count(job) * len(claims))
    tables = {name: version for name, version in job.snapshot.tables.items() if name in _reads(job.settings)}
    fingerprint = json.dumps([digest, tables, __version__])
    for claim in claims.values():
        claim.begin()
    counts = [
        _write_format(job, form, Target(claim, form, stage.spool, fingerprint, job.settings.max_shard_bytes), tables)
        for form, claim in claims.items()
    ]
    job.progress.finish()
    return counts[0]


def _write_format(job: _Job, form: ShardFormat, target: Target, tables: Mapping[str, int]) -> int:
    """Write the shards of one format, then the card, the metadata and, last, the manifest; return its samples."""
    suffix, open_writer = _WRITERS[form]
    shards = {split: write_split(target, split, suffix, open_writer, job.samples(split, form)) for split in job.splits}
    sizes = {split: sum(shard.samples for shard in parts) for split, parts in shards.items()}
    purpose = (job.settings.purpose, job.left_out.by_signal)
    card = dataset_card(job.recipe, job.snapshot, sizes, job.rights, form, purpose)
    target.claim.write(CARD, card.encode())
    description = croissant(job.recipe, tables["splits"], job.snapshot.created, sizes, job.rights, form)
    target.claim.write(CROISSANT, description)
    content: dict[str, object] = {
        "recipe": job.recipe,
        "where": job.settings.where,
        "purpose": job.settings.purpose,
        "left_out": job.left_out.by_split,
        "format": form,
        "tables": dict(tables),
        "modalities": [modality.name for modality in modalities()],
        "splits": {split: as_rows(parts) for split, parts in shards.items()},
    }
    target.claim.end(content)
    return sum(sizes.values())


def _chosen(settings: ExportSettings, built: tuple[str, ...], recipe: str) -> tuple[str, ...]:
    unknown = [name for name in settings.splits if name not in (*built, "unused")]
    if unknown:
        raise UsageError(
            f"export.splits: recipe {recipe!r} has no split {', '.join(unknown)}. Name some of {', '.join(built)}."
        )
    return settings.splits or built


def _count(job: _Job) -> int:
    query = f"select count(*) as n from ({chosen_sql(job.settings.where, job.use)})"  # noqa: S608 - the user's own SELECT
    return sum(int(job.snapshot.sql(query, [job.recipe, split])["n"][0].as_py()) for split in job.splits)
