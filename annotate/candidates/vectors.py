"""Vectors of listings, computed in this process or by tasks on other machines."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from annotate.candidates.encoders import ENCODERS, Encoder, Listing, ReadObject, Vectors, load_encoder
from annotate.candidates.feature_file import scale_to_unit
from annotate.settings import CandidateSettings
from core.errors import DataError
from storage import Stage
from storage.objects.index import ObjectIndex
from storage.place import place_at
from storage.spool import Spool
from storage.tasks import Runner, finished, order, running

__all__ = ["encode", "encode_elsewhere", "encode_here"]

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
) -> Iterator[Encoded]:
    """Yield the vectors of listings, encoded by tasks; results of a killed run are reused.

    Args:
        stage: The running stage.
        index: Locations of the images.
        listings: All listings.
        settings: Settings of the encoder; its checkpoint is handed out before the first task.
        fingerprint: Digest of the settings and of the checkpoint.
        runner: Runs the tasks.
    """
    spool, running_tasks, resumed = stage.shared_spool, dict[str, str](), list[str]()
    if settings.checkpoint is not None:
        file = pa.table({"bytes": pa.array([settings.checkpoint.read_bytes()], pa.large_binary())})
        spool.put(_CHECKPOINT, fingerprint, {"file": file})
    done = set(finished(spool, fingerprint))

    def hand_out() -> Iterator[str]:
        for part in _parts(listings, settings):
            name = f"listings:{part[0].product_id}"
            if name in done:
                resumed.append(name)
                continue
            task = _hand_out(spool, name, fingerprint, part, settings, index)
            running_tasks[task] = name
            yield task

    for task, _ in runner(encode, stage.location, hand_out()):
        yield _taken(spool, running_tasks.pop(task), fingerprint)
    for name in resumed:
        yield _taken(spool, name, fingerprint)


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
    handed_out = Spool(place_at(location), folder).get(_CHECKPOINT, fingerprint)
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


def _hand_out(
    spool: Spool,
    name: str,
    fingerprint: str,
    part: Sequence[Listing],
    settings: CandidateSettings,
    index: ObjectIndex,
) -> str:
    """Store the order for some listings and return its name."""
    rows = [{**asdict(one), "specs": [list(pair) for pair in one.specs]} for one in part]
    inputs = pa.Table.from_pylist(rows, schema=_SCHEMA)
    inputs = inputs.replace_schema_metadata({"settings": settings.model_dump_json(), "fingerprint": fingerprint})
    images = {one.image for one in part if one.image is not None} if ENCODERS[settings.encoder].reads_images else set()
    return order(spool, name, fingerprint, inputs, (index.find(sha256) for sha256 in sorted(images)))


def _taken(spool: Spool, name: str, fingerprint: str) -> Encoded:
    tables = spool.get(name, fingerprint)
    if tables is None:
        raise DataError(f"candidates: the result of {name} is gone. Run the stage again.")
    found = tables["vectors"]
    vectors: Vectors = found["vector"].combine_chunks().flatten().to_numpy().reshape(len(found), -1)
    return found["product_id"].to_pylist(), vectors
