"""The stage ``export``: shards of every split, a manifest and a dataset card."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from export import parquet_shards, webdataset_shards
from export.card import dataset_card
from export.made import remember_export
from export.reader import split_names, stored_samples
from export.rights import Rights, check_rights
from export.sample import MODALITIES, Sample
from export.settings import ExportSettings, ShardFormat
from export.shard_files import (
    MANIFEST,
    Shard,
    ShardWriter,
    as_rows,
    is_whole,
    remove_stale,
    write_manifest,
    write_shards,
)
from m5data.errors import UsageError
from m5data.stage import Clock, Progress, SilentProgress, StageReport, utc_now
from storage import Snapshot, Store

__all__ = ["READS", "run"]

READS = ("splits", "products", "specs", "media", "frames", "audio", "labels")

_WRITERS: dict[ShardFormat, tuple[str, Callable[[Path], ShardWriter]]] = {
    "parquet": (parquet_shards.SUFFIX, parquet_shards.open_parquet_shard),
    "webdataset": (webdataset_shards.SUFFIX, webdataset_shards.open_tar_shard),
}


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

    Reads samples, one a row of ``splits``; keeps all of them.

    Args:
        store: The workspace's storage.
        settings: Formats, splits and sizes.
        recipe: Recipe whose splits are written.
        rights: Source -> what it allows.
        clock: Unused by the shards, which carry no time.
        progress: Told of every sample written.

    Raises:
        NotAuthorisedError: A source in the splits may not be shared.
        MissingInputError: The recipe has not been built.
        UsageError: It has no such split.
    """
    del clock
    began = time.monotonic()
    digest = json.dumps([settings.digest(), recipe, sorted((k, r.share, r.licence) for k, r in rights.items())])
    with store.stage("export", settings=digest, reads=READS) as stage:
        folder = (settings.out or store.root / "shards") / recipe
        if stage.unchanged and is_whole(folder):
            return stage.report_unchanged()
        check_rights(stage.before, recipe, rights)
        splits = _chosen(settings, split_names(stage.before, recipe), recipe)
        progress.start("export", _count(stage.before, recipe, splits) * len(settings.formats))
        (folder / MANIFEST).unlink(missing_ok=True)  # from here until the end the folder is not a whole export
        samples = _Samples(store, stage.before, recipe, rights, progress)
        shards = {name: _write(samples, name, folder, settings) for name in splits}
        progress.finish()
        remove_stale(folder, {f"{form}/{split}" for form in settings.formats for split in splits})
        _describe(folder, recipe, stage.before, shards, rights, settings.formats)
        remember_export(store, folder, recipe, stage.before.number)
        count = sum(part.samples for formats in shards.values() for part in formats[settings.formats[0]])
        return stage.commit(StageReport("export", count, count, seconds=time.monotonic() - began))


class _Samples:
    """Reads a split's samples, as often as there are formats."""

    def __init__(
        self, store: Store, snapshot: Snapshot, recipe: str, rights: Mapping[str, Rights], progress: Progress
    ) -> None:
        self._store, self._snapshot, self._recipe, self._progress = store, snapshot, recipe, progress
        self._licences = {source: right.licence for source, right in rights.items()}

    def __call__(self, split: str) -> Iterator[Sample]:
        for sample in stored_samples(self._store.objects, self._snapshot, split, self._recipe, self._licences):
            yield sample
            self._progress.advance()


def _write(
    samples: Callable[[str], Iterable[Sample]], split: str, folder: Path, settings: ExportSettings
) -> dict[ShardFormat, list[Shard]]:
    written = {}
    for name in settings.formats:
        suffix, open_writer = _WRITERS[name]
        target = folder / name / split
        written[name] = write_shards(samples(split), target, suffix, open_writer, settings.max_shard_bytes)
    return written


def _describe(
    folder: Path,
    recipe: str,
    snapshot: Snapshot,
    shards: Mapping[str, Mapping[ShardFormat, list[Shard]]],
    rights: Mapping[str, Rights],
    formats: Sequence[ShardFormat],
) -> None:
    card = dataset_card(
        recipe,
        snapshot,
        {split: sum(s.samples for s in next(iter(f.values()))) for split, f in shards.items()},
        rights,
        formats,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_manifest(
        folder,
        {
            "recipe": recipe,
            "tables": {name: version for name, version in snapshot.tables.items() if name in READS},
            "modalities": list(MODALITIES),
            "splits": {
                split: {name: as_rows(parts) for name, parts in formats.items()} for split, formats in shards.items()
            },
        },
    )


def _chosen(settings: ExportSettings, built: tuple[str, ...], recipe: str) -> tuple[str, ...]:
    unknown = [name for name in settings.splits if name not in (*built, "unused")]
    if unknown:
        raise UsageError(
            f"export.splits: wanted splits of recipe {recipe!r} ({', '.join(built)}), "
            f"got {', '.join(unknown)}; correct the name"
        )
    return settings.splits or built


def _count(snapshot: Snapshot, recipe: str, splits: tuple[str, ...]) -> int:
    query = "select count(*) as n from splits where recipe = ? and list_contains(?, split)"
    return int(snapshot.sql(query, [recipe, list(splits)])["n"][0].as_py())
