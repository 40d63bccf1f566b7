"""The stage ``export``: shards of every split, a manifest, a dataset card and Croissant metadata."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from export.folders import Folder, open_folder
from export.link_shards import LINKS_SUFFIX, RECORDS_SUFFIX, LinkShard, M5ProductShard, Mep3mShard
from export.metadata import CROISSANT, croissant, dataset_card
from export.parquet_shards import SUFFIX as PARQUET_SUFFIX
from export.parquet_shards import open_parquet_shard
from export.reader import split_names, stored_samples
from export.registry import remember_export
from export.rights import Rights, check_rights
from export.settings import ExportSettings, ShardFormat
from export.shards import (
    MANIFEST,
    Shard,
    ShardWriter,
    Target,
    as_rows,
    is_whole,
    remove_stale,
    write_manifest,
    write_split,
)
from export.webdataset_shards import SUFFIX as TAR_SUFFIX
from export.webdataset_shards import open_tar_shard
from m5data.errors import UsageError
from m5data.modalities import Sample, modalities, modality_tables
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

_WITHOUT_MEDIA: frozenset[ShardFormat] = frozenset({"links", "m5product", "mep3m"})
"""Formats that name media by their addresses: no bytes are read for them."""


READS = ("splits", "products", "specs", "media", "frames", "audio", "labels")
"""Tables that samples are read from, beside those that modalities declare."""

Shards = dict[str, dict[ShardFormat, list[Shard]]]
"""Split -> format -> its shards."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One export."""

    store: Store
    snapshot: Snapshot
    recipe: str
    splits: tuple[str, ...]
    settings: ExportSettings
    rights: Mapping[str, Rights]
    progress: Progress

    def samples(self, split: str, form: ShardFormat) -> Callable[[int], Iterator[Sample]]:
        """Return what reads the samples of a split from a number on."""
        licences = {source: right.licence for source, right in self.rights.items()}
        objects = None if form in _WITHOUT_MEDIA else self.store.objects

        def read(start: int) -> Iterator[Sample]:
            self.progress.advance(start)
            for sample in stored_samples(objects, self.snapshot, split, self.recipe, licences, start):
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

    Reads samples, one per row of ``splits``; keeps all of them. Killed and run again, it resumes after the
    last shard that was finished.

    Args:
        store: The workspace's storage.
        settings: Formats, splits, sizes and place.
        recipe: Recipe whose splits are written.
        rights: Source -> what it allows.
        clock: Unused by the shards, which carry no time.
        progress: Advanced by every sample written.

    Raises:
        NotAuthorisedError: A source in the splits may not be shared.
        MissingInputError: The recipe has not been built.
        UsageError: It has no such split, or the destination cannot be written to.
    """
    del clock
    began = time.monotonic()
    digest = json.dumps([settings.digest(), recipe, sorted((k, r.share, r.licence) for k, r in rights.items())])
    with store.stage("export", settings=digest, reads=_reads()) as stage:
        place = _place(store, settings, recipe)
        if not stage.unchanged:
            check_rights(stage.before, recipe, rights)
        with open_folder(place) as folder:
            if stage.unchanged and is_whole(folder):
                return stage.report_unchanged()
            splits = _chosen(settings, split_names(stage.before, recipe), recipe)
            count = _export(
                stage, _Job(store, stage.before, recipe, splits, settings, rights, progress), folder, digest
            )
        remember_export(store, place, recipe, stage.before.number)
        return stage.commit(StageReport("export", count, count, seconds=time.monotonic() - began))


def _reads() -> tuple[str, ...]:
    return (*READS, *(spec.name for spec in modality_tables()))


def _place(store: Store, settings: ExportSettings, recipe: str) -> str | Path:
    if settings.out is not None and "://" in str(settings.out):
        return f"{str(settings.out).rstrip('/')}/{recipe}"
    return Path(settings.out or store.root / "shards") / recipe


def _export(stage: Stage, job: _Job, folder: Folder, digest: str) -> int:
    """Write everything, the manifest last; return the samples of one format."""
    formats = job.settings.formats
    job.progress.start("export", _count(job.snapshot, job.recipe, job.splits) * len(formats))
    there = folder.sizes()
    if MANIFEST in there:
        folder.remove(MANIFEST)  # from here until the end the folder is not a whole export
    tables = {name: version for name, version in job.snapshot.tables.items() if name in _reads()}
    target = Target(folder, stage.spool, json.dumps([digest, tables, __version__]), there, job.settings.max_shard_bytes)
    shards: Shards = {split: {} for split in job.splits}
    for split in job.splits:
        for form in formats:
            suffix, open_writer = _WRITERS[form]
            shards[split][form] = write_split(target, f"{form}/{split}", suffix, open_writer, job.samples(split, form))
    remove_stale(
        folder, {f"{f}/{split}/{s.file}" for split, by in shards.items() for f, own in by.items() for s in own}
    )
    _describe(folder, job, shards, tables)
    job.progress.finish()
    return sum(shard.samples for by in shards.values() for shard in by[formats[0]])


def _describe(folder: Folder, job: _Job, shards: Shards, tables: Mapping[str, int]) -> None:
    """Write the card, the metadata and, last, the manifest."""
    formats = job.settings.formats
    sizes = {split: sum(shard.samples for shard in by[formats[0]]) for split, by in shards.items()}
    folder.write("README.md", dataset_card(job.recipe, job.snapshot, sizes, job.rights, formats).encode())
    folder.write(CROISSANT, croissant(job.recipe, tables["splits"], sizes, job.rights, formats))
    content: dict[str, object] = {
        "recipe": job.recipe,
        "tables": dict(tables),
        "modalities": [modality.name for modality in modalities()],
        "splits": {split: {form: as_rows(parts) for form, parts in by.items()} for split, by in shards.items()},
    }
    write_manifest(folder, content)


def _chosen(settings: ExportSettings, built: tuple[str, ...], recipe: str) -> tuple[str, ...]:
    unknown = [name for name in settings.splits if name not in (*built, "unused")]
    if unknown:
        raise UsageError(
            f"export.splits: recipe {recipe!r} has no split {', '.join(unknown)}. Name some of {', '.join(built)}."
        )
    return settings.splits or built


def _count(snapshot: Snapshot, recipe: str, splits: tuple[str, ...]) -> int:
    query = "select count(*) as n from splits where recipe = ? and list_contains(?, split)"
    return int(snapshot.sql(query, [recipe, list(splits)])["n"][0].as_py())
