import io
from random import Random

import pytest
from warcio.archiveiterator import ArchiveIterator

from storage import Store
from storage.objects.index import ObjectKind
from storage.orphans import remove_orphans
from tests.storage.synthetic import NOON


@pytest.mark.parametrize("size", [500, 30_000])
@pytest.mark.parametrize("kind", ["page", "media"])
def test_the_disk_blocks_of_orphans_are_free_again(store: Store, kind: ObjectKind, size: int) -> None:
    random = Random(3)
    bodies = [random.randbytes(size) for _ in range(600_000 // size)]
    with store.objects.writer(kind) as writer:
        stored = [writer.put(body, mime="text/html", url=f"http://shop.example/{n}") for n, body in enumerate(bodies)]
    (segment,) = (store.root / "objects").iterdir()
    before = segment.stat()
    gone = [ref for sha256 in stored[1:-1] if (ref := store.objects.index.find(sha256))]
    remove_orphans(store.root, store.objects, gone, NOON)
    after = segment.stat()
    assert after.st_size == before.st_size
    assert after.st_blocks * 512 < 600_000 * 0.2 + 2 * size
    assert [store.objects.read(stored[end]) for end in (0, -1)] == [bodies[0], bodies[-1]]
    assert [sha256 in store.objects for sha256 in stored[1:-1]] == [False] * len(gone)
    records = ArchiveIterator(io.BytesIO(segment.read_bytes()))
    assert {record.rec_type for record in records} == {"warcinfo", "response", "metadata"}
    assert list(store.verify_objects()) == []
