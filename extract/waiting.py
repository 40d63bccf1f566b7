"""What extraction has still to do."""

from contextlib import closing
from dataclasses import dataclass

from extract.audio.sound import describe_feature
from extract.inventory import keep_known, list_new, open_results, partitions
from extract.partition import Partition
from extract.settings import ExtractSettings
from m5data.records import MediaKind
from storage import Snapshot, Store

__all__ = ["Waiting", "waiting_objects"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Stored objects of a kind that wait to be decoded."""

    kind: MediaKind
    count: int
    bytes: int


def waiting_objects(store: Store, snapshot: Snapshot, settings: ExtractSettings) -> list[Waiting]:
    """Return the objects without a result, by kind; those that a run under way, or a killed one, finished are none.

    Args:
        store: The workspace's; nothing is locked.
        snapshot: Its newest dataset version.
        settings: Of the stage.
    """
    counts: dict[MediaKind, list[int]] = {"video": [0, 0], "image": [0, 0]}
    if "media" in snapshot.tables:
        spool, digest, feature = store.spool("extract"), settings.digest(), describe_feature(settings.feature)
        with closing(snapshot.connection()) as connection:
            open_results(connection)
            last = snapshot.stages.get("extract")
            if last is not None and last.settings == digest:
                keep_known(connection)
            list_new(connection)
            for members in partitions(connection, settings.partition_items):
                partition = Partition(members, digest, feature)
                if not spool.has(partition.name, partition.fingerprint):
                    counts[members[0].kind][0] += len(members)
                    counts[members[0].kind][1] += sum(item.size for item in members)
    return [Waiting(kind, count, size) for kind, (count, size) in counts.items()]
