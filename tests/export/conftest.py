"""The synthetic workspace as a fixture."""

from pathlib import Path

import pytest

from core.stage import StageReport
from storage import Store
from tests.export.synthetic import FRAMES, MFCC, MP3, STATED, picture, product, rows


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make_store(tmp_path / "workspace")


def make_store(folder: Path) -> Store:
    """Return a store: product 1 has everything, product 2 only an image, product 3 only a caption."""
    made = Store.create(folder, buckets=2)
    with made.stage("fill", settings="") as stage:
        with made.objects.writer("media") as media:
            images = [
                media.put(picture(shade), mime="image/jpeg", url=f"https://shop.example/{shade}") for shade in (9, 99)
            ]
            video = media.put(b"a synthetic video", mime="video/mp4", url="https://shop.example/v")
        with made.objects.writer("derived") as derived:
            frames = derived.put(b"".join(FRAMES), mime="video/x-motion-jpeg", refers_to=video)
            mp3 = derived.put(MP3, mime="audio/mpeg", refers_to=video)
            mfcc = derived.put(MFCC.tobytes(), mime="application/octet-stream", refers_to=video)
        described = product(1, "红色 茶壶") | STATED
        stage.write("products", rows("products", described, product(2, None), product(3, "一张桌子")))
        spec = {"product_id": "shop:1", "property": "颜色", "value": "红"}
        stage.write(
            "specs", rows("specs", {**spec, "position": 0}, {**spec, "position": 1, "property": "材质", "value": "陶"})
        )
        image = {"kind": "image", "state": "ok", "url": "https://shop.example/i"}
        stage.write(
            "media",
            rows(
                "media",
                {**image, "product_id": "shop:1", "position": 0, "state": "failed", "reason": "http_404"},
                {**image, "product_id": "shop:1", "position": 1, "sha256": images[0]},
                {**image, "product_id": "shop:2", "position": 0, "sha256": images[1]},
                {**image, "product_id": "shop:1", "kind": "video", "position": 0, "sha256": video, "duration_s": 2.0},
            ),
        )
        offsets = (0, len(FRAMES[0]))
        shot = {"product_id": "shop:1", "video_sha256": video, "object": frames}
        stage.write(
            "frames",
            rows(
                "frames",
                *(
                    {**shot, "second": n, "pts_s": n + 0.04, "offset": offsets[n], "length": len(FRAMES[n])}
                    for n in range(2)
                ),
            ),
        )
        sound = {"product_id": "shop:1", "video_sha256": video, "mp3": mp3, "mfcc": mfcc, "n_mfcc": 3, "mfcc_frames": 4}
        stage.write("audio", rows("audio", sound))
        label = {"class_name": "家居", "sub_class_name": "茶具", "subsub_class_id": -1}
        stage.write("labels", rows("labels", *({**label, "product_id": f"shop:{n}"} for n in (1, 2, 3))))
        place = {"recipe": "demo", "role": "sample", "label": "0", "label_level": "sub_class"}
        where = {1: "train", 2: "train", 3: "query-c"}
        stage.write(
            "splits",
            rows(
                "splits",
                *({**place, "split": s, "product_id": f"shop:{n}", "group_id": f"shop:{n}"} for n, s in where.items()),
            ),
        )
        stage.commit(StageReport("fill", 3, 3))
    return made
