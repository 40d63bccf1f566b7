"""Vectors of listings, computed in this process or by tasks on other machines."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from annotate.candidates.encoders import ENCODERS, Encoder, Listing, ReadObject, Vectors, load_encoder
from annotate.candidates.feature_file import scale_to_unit
from annotate.settings import CandidateSettings
from storage import Stage
from storage.location import location_at
from storage.objects.index import ObjectIndex
from storage.partitions import Order, Results, in_tasks, run_partitions
from storage.spool import Spool
from storage.tasks import Runner, running

__all__ = ["Encoded", "encode", "encode_elsewhere", "encode_here"]

_LISTINGS = 1_000
"""Listings per task if the encoder reads no images: a second of work."""
_IMAGES = 64
"""Listings per task if it does: a few seconds on one core."""
_CHECKPOINT = "checkpoint"
_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("caption", pa.string()),
        ("specs", pa.list_(pa.list_(pa.string(), 2))),
        ("image", pa.string()),
        ("phash", pa.int64()),
    ]
)

Encoded = tuple[list[str], Vectors]
"""Ids of products, and their vectors of length 1."""


def encode_here(
    listings: Iterable[Sequence[Listing]], settings: CandidateSettings, encoder: Encoder, read: ReadObject
) -> Iterator[Encoded]:
    """Yield the vectors of listings, encoded in this process in batches as large as those of a task."""
    for part in _parts(listings, settings):
        yield [one.product_id for one in part], scale_to_unit(encoder.encode(part, read))


def encode_elsewhere(
    stage: Stage,
    index: ObjectIndex,
    listings: Iterable[Sequence[Listing]],
    settings: CandidateSettings,
    fingerprint: str,
    runner: Runner,
    sink: Callable[[Encoded], None],
) -> None:
    """Pass the vectors of listings, encoded by tasks, to ``sink``; results of a killed run are reused.

    Args:
        stage: The running stage.
        index: Locations of the images.
        listings: All listings.
        settings: Settings of the encoder; its checkpoint is handed out before the first task.
        fingerprint: Digest of the settings and of the checkpoint.
        runner: Runs the tasks.
        sink: Called with the vectors of some listings at a time.
    """
    results = Results(stage.name, stage.shared_spool, stage.location, index)
    if settings.checkpoint is not None:
        file = pa.table({"bytes": pa.array([settings.checkpoint.read_bytes()], pa.large_binary())})
        results.spool.put(_CHECKPOINT, fingerprint, {"file": file})
    parts = (_Part(f"listings:{part[0].product_id}", fingerprint, part) for part in _parts(listings, settings))
    work = in_tasks(results, encode, partial(_order_of, settings, index), runner)
    run_partitions(results, parts, work, lambda done: sink(_encoded(done.tables["vectors"])))


def encode(location: str, name: str) -> None:
    """Encode the listings of an order.

    Args:
        location: The workspace's folder, or its URL in an object store.
        name: Name of the order.

    Raises:
        DataError: There is no such order.
        SettingsError: The encoder needs a package that this machine lacks.
    """
    with running(location, name) as task:
        known = {key.decode(): value.decode() for key, value in task.inputs.schema.metadata.items()}
        encoder = _encoder(location, name.rpartition("/")[0], known["fingerprint"], known["settings"])
        listings = [
            Listing(**{**row, "specs": tuple((one, value) for one, value in row["specs"])})
            for row in task.inputs.to_pylist()
        ]
        vectors = scale_to_unit(encoder.encode(listings, task.read))
        columns = [task.inputs["product_id"], pa.FixedSizeListArray.from_arrays(vectors.ravel(), encoder.dimensions)]
        task.result["vectors"] = pa.table(columns, names=["product_id", "vector"])


@lru_cache(maxsize=1)
def _encoder(location: str, folder: str, fingerprint: str, chosen: str) -> Encoder:
    """Return the encoder of the settings, loaded once per process for all its tasks."""
    settings = CandidateSettings.model_validate_json(chosen)
    handed_out = Spool(location_at(location), folder).get(_CHECKPOINT, fingerprint)
    if handed_out is None:
        return load_encoder(settings)
    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        file.write(handed_out["file"]["bytes"][0].as_py())
        file.flush()
        return load_encoder(settings.model_copy(update={"checkpoint": Path(file.name)}))


def _parts(listings: Iterable[Sequence[Listing]], settings: CandidateSettings) -> Iterator[Sequence[Listing]]:
    size = _IMAGES if ENCODERS[settings.encoder].reads_images else _LISTINGS
    for some in listings:
        yield from (some[start : start + size] for start in range(0, len(some), size))


class _Part(NamedTuple):
    """The listings of one task."""

    name: str
    fingerprint: str
    listings: Sequence[Listing]


def _order_of(settings: CandidateSettings, index: ObjectIndex, part: _Part) -> Order:
    rows = [{**asdict(one), "specs": [list(pair) for pair in one.specs]} for one in part.listings]
    facts = {"settings": settings.model_dump_json(), "fingerprint": part.fingerprint}
    reads_images = ENCODERS[settings.encoder].reads_images
    images = {one.image for one in part.listings if one.image is not None} if reads_images else set()
    inputs = pa.Table.from_pylist(rows, schema=_SCHEMA).replace_schema_metadata(facts)
    return inputs, (index.find(sha256) for sha256 in sorted(images))


def _encoded(table: pa.Table) -> Encoded:
    vectors: Vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    return table["product_id"].to_pylist(), vectors
