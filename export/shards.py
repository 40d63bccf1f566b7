"""Shard files, each written by one task; their boundaries depend on the tables and the index, not on bytes written."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pyarrow as pa

from core.modalities import Sample, modalities
from export.folders import DRAFT, open_folder
from export.manifest import Claim
from export.paper_records import RECORDS_SUFFIX, M5ProductShard, Mep3mShard
from export.parquet_shards import SUFFIX as PARQUET_SUFFIX
from export.parquet_shards import open_parquet_shard
from export.reader import FACTS_BYTES, make_sample, rows_of
from export.settings import ShardFormat
from export.webdataset_shards import SUFFIX as TAR_SUFFIX
from export.webdataset_shards import open_tar_shard
from storage.location import in_parallel
from storage.objects.index import ObjectIndex, ObjectRef
from storage.partitions import Done, Order, Results, in_tasks, run_partitions
from storage.tasks import Runner, running

__all__ = [
    "FORMATS",
    "Format",
    "Part",
    "Shard",
    "ShardWriter",
    "Target",
    "Writing",
    "as_rows",
    "fill_shard",
    "write_shard",
]


class ShardWriter(Protocol):
    """Writer of one shard file."""

    def add(self, sample: Sample, number: int) -> None:
        """Add a sample, the ``number``-th of its split."""

    def close(self) -> str:
        """Finish the file and return its SHA-256."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of shards."""

    suffix: str
    """Suffix of the files' names."""
    open: Callable[[Path], ShardWriter]
    """Opens a new file."""
    facts_of: tuple[str, ...] | None = None
    """Modalities whose facts it has, without media bytes; None: all modalities, with their bytes."""
    by_image: bool = False
    """Whether samples without an image come last, in shards of their own."""
    overhead: int = 0
    """Approximate bytes per sample in addition to facts and media."""


FORMATS: Mapping[ShardFormat, Format] = MappingProxyType(
    {
        "parquet": Format(PARQUET_SUFFIX, open_parquet_shard),
        "webdataset": Format(TAR_SUFFIX, open_tar_shard, by_image=True, overhead=4096),
        "m5product": Format(RECORDS_SUFFIX, M5ProductShard, ("image", "caption", "specs")),
        "mep3m": Format(RECORDS_SUFFIX, Mep3mShard, ("image", "caption")),
    }
)
"""Formats written sample by sample; link files are not."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished shard file."""

    file: str
    """Name inside the split's folder."""
    samples: int
    bytes: int
    sha256: str


def as_rows(shards: Iterable[Shard]) -> list[dict[str, object]]:
    """Return shards as plain mappings, for the manifest."""
    return [asdict(shard) for shard in shards]


def fill_shard(samples: Iterable[Sample], open_writer: Callable[[Path], ShardWriter], draft: Path, start: int) -> Shard:
    """Write samples to the draft of a shard; the first one is number ``start`` of its split."""
    writer, count = open_writer(draft), 0
    try:
        for count, sample in enumerate(samples, 1):
            writer.add(sample, start + count - 1)
    except BaseException:
        with suppress(OSError):  # the draft is lost either way
            writer.close()
        raise
    digest = writer.close()
    return Shard(draft.name.removesuffix(DRAFT), count, draft.stat().st_size, digest)


@dataclass(frozen=True, slots=True)
class Target:
    """The folder of one format's shards."""

    claim: Claim
    place: str
    """Its path or URL."""
    form: ShardFormat
    max_bytes: int
    licences: Mapping[str, str]
    """Source -> licence."""
    forbidden: tuple[str, ...]
    """Sources without a permission."""
    fingerprint: str
    """Identifies everything that the shards depend on."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Instructions to a task, in addition to rows and objects."""

    place: str
    form: ShardFormat
    file: str
    """Path in the folder."""
    tag: str | None
    """Tag of the file that it replaces."""
    start: int
    """Number of the first sample in its split."""
    licences: Mapping[str, str]
    forbidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One shard to be written."""

    target: Target
    split: str
    number: int
    name: str
    fingerprint: str
    orders: list[Order]
    """Order of its task, taken from here once, so that its rows do not stay in memory."""


class Writing:
    """Shards being written by tasks.

    Args:
        results: Records finished shards, including those of a killed run.
        done: Called with the number of samples of each finished shard.
    """

    def __init__(self, results: Results, done: Callable[[int], None]) -> None:
        self._results, self._done = results, done
        self._shards: dict[tuple[str, str], list[Shard]] = {}

    def parts(self, target: Target, split: str, groups: Iterable[Iterator[pa.RecordBatch]]) -> Iterator[Part]:
        """Yield the shards of a split.

        Args:
            target: Destination.
            split: The split.
            groups: Rows of its samples, in order; each group begins a shard.
        """
        form, start = FORMATS[target.form], 0
        self._shards[target.form, split] = []
        shards = chain.from_iterable(_cut(rows, self._results.index, form, target.max_bytes) for rows in groups)
        place = target.place if "://" in target.place else str(Path(target.place).absolute())
        for number, (table, refs) in enumerate(shards):
            file = f"{split}/{number:05d}{form.suffix}"
            there = target.claim.there.get(file)
            task = _Order(
                place, target.form, file, there.etag if there else None, start, target.licences, target.forbidden
            )
            fingerprint = hashlib.sha256(f"{target.fingerprint} {start} {len(table)}".encode()).hexdigest()
            start += len(table)
            inputs = table.replace_schema_metadata({"order": json.dumps(asdict(task))})
            yield Part(target, split, number, f"{target.form}/{file}", fingerprint, [(inputs, refs)])

    def run(self, parts: Iterable[Part], runner: Runner) -> None:
        """Write the shards that are not finished.

        Raises:
            DataError: A task left no result.
        """
        run_partitions(
            self._results, parts, in_tasks(self._results, write_shard, _expect, runner), self._keep, _is_there
        )

    def shards(self, form: ShardFormat, split: str) -> list[Shard]:
        """Return the shards of a split in order."""
        return sorted(self._shards[form, split], key=lambda shard: (len(shard.file), shard.file))

    def _keep(self, done: Done[Part]) -> None:
        part, shard = done.partition, _shard_of(done.tables)
        part.target.claim.keep(f"{part.split}/{shard.file}")
        self._shards[part.target.form, part.split].append(shard)
        self._done(shard.samples)


def _shard_of(tables: Mapping[str, pa.Table]) -> Shard:
    return Shard(**tables["shards"].to_pylist()[0])


def _is_there(part: Part, tables: Mapping[str, pa.Table]) -> bool:
    """Return whether the file of a finished shard is in the folder."""
    shard = _shard_of(tables)
    there = part.target.claim.there.get(f"{part.split}/{shard.file}")
    return there is not None and there.size == shard.bytes


def _expect(part: Part) -> Order:
    """Claim the file of a shard, and take its order."""
    part.target.claim.expect(part.split, part.number, FORMATS[part.target.form].suffix)
    return part.orders.pop()


def write_shard(location: str, name: str) -> None:
    """Write the shard of an order into the export's folder.

    A second run writes the same bytes.

    Args:
        location: The workspace's folder, or its URL in an object store.
        name: Name of the order.

    Raises:
        DataError: There is no such order, or another run has written the file meanwhile.
    """
    with running(location, name) as task:
        facts = json.loads((task.inputs.schema.metadata or {})[b"order"])
        todo = _Order(**facts)
        form = FORMATS[todo.form]
        every = [modality for modality in modalities() if form.facts_of is None or modality.name in form.facts_of]
        read = task.read if form.facts_of is None else None
        rows = chain.from_iterable(map(rows_of, task.inputs.to_batches()))
        make = partial(make_sample, read=read, licences=todo.licences, forbidden=todo.forbidden, every=every)
        samples = in_parallel(make, rows) if read and task.has_objects else map(make, rows)
        with open_folder(todo.place) as folder:
            draft = folder.draft(todo.file)
            written = fill_shard(samples, form.open, draft, todo.start)
            folder.publish(draft, todo.file, todo.tag)
        task.result = {"shards": pa.Table.from_pylist([asdict(written)])}


def _cut(
    batches: Iterable[pa.RecordBatch], index: ObjectIndex, form: Format, max_bytes: int
) -> Iterator[tuple[pa.Table, list[ObjectRef]]]:
    """Yield the rows of each shard, and the locations of their objects.

    A shard ends with the sample whose facts and stored objects bring it to ``max_bytes`` or more.
    """
    named = [] if form.facts_of is not None else [name for modality in modalities() for name in modality.objects]
    rows: list[pa.RecordBatch] = []
    refs: list[ObjectRef] = []
    size = 0
    for batch in batches:
        begin = 0
        columns = [batch[name].to_pylist() for name in named]
        for place, facts in enumerate(batch[FACTS_BYTES].to_pylist(), 1):
            found = [index.find(column[place - 1]) for column in columns if column[place - 1]]
            refs += (own := [ref for ref in found if ref is not None])
            size += form.overhead + facts + sum(ref.payload_length for ref in own)
            if size >= max_bytes:
                yield pa.Table.from_batches([*rows, batch.slice(begin, place - begin)]), refs
                rows, refs, size, begin = [], [], 0, place
        if begin < batch.num_rows:
            rows.append(batch.slice(begin))
    if rows:
        yield pa.Table.from_batches(rows), refs
