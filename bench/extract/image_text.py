"""Text recognition in images: accuracy, speed, memory, damaged files, and proposed property values.

    python -m bench.extract.image_text accuracy OUT    # 300 drawn product images, Chinese and English, plain and hard
    python -m bench.extract.image_text cores OUT       # the same files through the pool: one and two processes
    python -m bench.extract.image_text mutations OUT   # 1,000 damaged files: no crash of the run, memory of the readers
    python -m bench.extract.image_text proposals OUT   # bench/extract/image_text_cases.toml, drawn and read

OUT keeps the results, so that an interrupted run can be resumed. The images are synthetic, drawn with Debian's fonts
(fonts-noto-cjk, fonts-dejavu, fonts-liberation). White space does not count as characters.
"""

import hashlib
import io
import json
import random
import resource
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from align.image_specs import ImageLine, PropertyNames, propose_values
from align.properties import fold_property
from core.processes.message import Fault
from extract.engine import Item, LocalEngine, plain, unpack_lines
from extract.ocr.lines import TextLine
from extract.ocr.reader import ImageReader
from extract.settings import ExtractSettings

CHINESE_FONTS = [
    (f"opentype/noto/Noto{kind}CJK-{weight}.ttc", 2) for kind in ("Sans", "Serif") for weight in ("Regular", "Bold")
]
LATIN_FONTS = [
    *((f"truetype/dejavu/DejaVu{name}.ttf", 0) for name in ("Sans", "Sans-Bold", "Serif")),
    *(
        (f"truetype/liberation/Liberation{name}.ttf", 0)
        for name in ("Sans-Regular", "Serif-Italic", "SansNarrow-Regular")
    ),
]
FONTS = Path("/usr/share/fonts")
CHINESE = """
材质：食品级304不锈钢
容量：{n}ml大容量
尺寸：{a}×{b}×{c}cm
净含量：{n}克
保质期：{b}个月
产地：浙江义乌
适用年龄：{b}岁以上
额定功率：{n}W
加厚防滑设计
柔软亲肤透气
七天无理由退换
官方正品保障
限时特价{a}元
一键智能操控
耐高温易清洗
颜色：深空灰
品牌：晨曦家居
面料：新疆长绒棉
重量：{a}.{b}千克
下单立减{b}元
全国联保两年
长效保温十二小时
""".strip().splitlines()
ENGLISH = """
Material: stainless steel
Capacity: {n} ml
Size: {a} x {b} x {c} cm
Net weight: {n} g
Shelf life: {b} months
Made in Portugal
Recommended age: {b}+
Rated power: {n} W
Non-slip rubber base
Soft and breathable
30-day free returns
Dishwasher safe
Limited offer {a} off
One-touch control
Easy to clean
Color: midnight blue
Brand: Northwind
Fabric: 100% organic cotton
Weight: {a}.{b} kg
Water resistant IP67
""".strip().splitlines()
TARGETS = {"plain": 0.95, "hard": 0.85}
SIDE = 640
SETTINGS = ExtractSettings(ocr=True)


@dataclass(frozen=True)
class Drawn:
    """An image and the text in it."""

    name: str
    kind: str
    data: bytes
    lines: list[tuple[str, tuple[float, float, float, float]]]
    """Text, and left, top, right and bottom of its box."""


def draw(number: int) -> Drawn:
    """Return the image with a number: even ones are plain, odd ones hard; every other pair is Chinese."""
    chance = random.Random(number)
    kind, chinese = ("hard" if number % 2 else "plain"), number % 4 < 2
    image = background(chance, kind)
    lines: list[tuple[str, tuple[float, float, float, float]]] = []
    top = chance.randint(20, 60)
    dark = np.asarray(image.convert("L")).mean() < 128
    while top < SIDE - 90 and len(lines) < 6:
        text = chance.choice(CHINESE if chinese else ENGLISH).format(
            n=chance.randint(100, 2000), a=chance.randint(10, 99), b=chance.randint(2, 30), c=chance.randint(5, 60)
        )
        top = add_line(image, lines, text, top, kind, chance, chinese=chinese, dark=dark)
    out = io.BytesIO()
    if kind == "hard":
        image = image.filter(ImageFilter.GaussianBlur(chance.uniform(0, 0.8)))
        image.save(out, "JPEG", quality=chance.randint(35, 70))
    else:
        image.save(out, "JPEG", quality=90)
    return Drawn(f"{number:03d}-{kind}-{'zh' if chinese else 'en'}", kind, out.getvalue(), lines)


def background(chance: random.Random, kind: str) -> Image.Image:
    """Return a plain light background with a shape, or one with a gradient, shapes and noise."""
    if kind == "plain":
        image = Image.new("RGB", (SIDE, SIDE), tuple(chance.randint(225, 255) for _ in range(3)))
        corner = SIDE - chance.randint(120, 200)
        ImageDraw.Draw(image).ellipse(
            (corner, corner, SIDE - 10, SIDE - 10), tuple(chance.randint(90, 220) for _ in range(3))
        )
        return image
    noise = np.random.default_rng(chance.randint(0, 1 << 30))
    ends = noise.integers(0, 256, (2, 3)) // 2 + chance.choice((0, 127))
    ramp = np.linspace(0, 1, SIDE)[:, None, None]
    pixels = ends[0] * (1 - ramp) + ends[1] * ramp + noise.normal(0, 10, (SIDE, SIDE, 3))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = chance.randint(0, SIDE), chance.randint(0, SIDE)
        colour = tuple(int(min(255, max(0, channel + chance.randint(-30, 30)))) for channel in ends[0])
        pen.rectangle((x, y, x + chance.randint(40, 240), y + chance.randint(40, 240)), colour)
    return image


def add_line(
    image: Image.Image,
    lines: list[tuple[str, tuple[float, float, float, float]]],
    text: str,
    top: int,
    kind: str,
    chance: random.Random,
    *,
    chinese: bool,
    dark: bool,
) -> int:
    """Draw a line of text below ``top``, add it with its box to ``lines``, and return the top of the next one."""
    hard = kind == "hard"
    file, index = chance.choice(CHINESE_FONTS if chinese else LATIN_FONTS)
    size = chance.randint(18, 40) if hard else chance.randint(26, 48)
    font = ImageFont.truetype(str(FONTS / file), size, index=index)
    left, high, right, low = font.getbbox(text)
    layer = Image.new("L", (int(right - left) + 8, int(low - high) + 8), 0)
    ImageDraw.Draw(layer).text((4 - left, 4 - high), text, 255, font=font)
    layer = layer.rotate(chance.uniform(-15, 15) if hard else 0, expand=True, resample=Image.Resampling.BICUBIC)
    if layer.width > SIDE - 20 or top + layer.height > SIDE - 10:
        return top + 12
    x = chance.randint(10, SIDE - layer.width - 10)
    shade = [chance.randint(200, 255) if dark else chance.randint(0, 60) for _ in range(3)]
    image.paste(Image.new("RGB", layer.size, tuple(shade)), (x, top), layer)
    lines.append((text, (x, top, x + layer.width, top + layer.height)))
    return top + layer.height + chance.randint(14, 40)


def wrong_characters(truth: Drawn, read: Sequence[TextLine]) -> tuple[int, int]:
    """Return how many characters must be changed, added or removed, and how many there are.

    Recognised text whose centre is in the box of a line belongs to that line, from left to right; any other is wrong.
    """
    wrong, rest = 0, list(read)
    for text, (left, top, right, bottom) in truth.lines:
        mine = []
        for line in rest:
            x0, y0, x1, y1 = line.bounds
            if left <= (x0 + x1) / 2 <= right and top <= (y0 + y1) / 2 <= bottom:
                mine.append(line)
        rest = [line for line in rest if line not in mine]
        joined = "".join(line.text for line in sorted(mine, key=lambda line: line.bounds[0]))
        wrong += distance(squeezed(text), squeezed(joined))
    return wrong + sum(len(squeezed(line.text)) for line in rest), sum(len(squeezed(text)) for text, _ in truth.lines)


def squeezed(text: str) -> str:
    """Return a text without white space, with full-width colons and multiplication signs in ASCII."""
    return "".join(text.replace("：", ":").replace("×", "x").split())


def distance(one: str, other: str) -> int:
    """Return the edit distance of two texts."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def kept(out: Path, name: str, names: Sequence[str], work: Callable[[str], object]) -> Iterator[dict[str, object]]:
    """Yield the result of each name, from the file of an earlier run or from ``work``."""
    file = out / f"{name}.jsonl"
    done = {row["name"]: row for row in map(json.loads, file.read_text().splitlines())} if file.exists() else {}
    with file.open("a") as log:
        for one in names:
            if one not in done:
                done[one] = {"name": one, "result": work(one)}
                log.write(json.dumps(done[one], ensure_ascii=False) + "\n")
                log.flush()
            yield done[one]


def accuracy(out: Path) -> None:
    """Print the character accuracy on plain and hard images, and CPU seconds per image."""
    reader = ImageReader(SETTINGS.images)

    def work(name: str) -> object:
        drawn = draw(int(name))
        began = time.process_time()
        read = reader.read(drawn.data)
        seconds = time.process_time() - began
        assert isinstance(read, list)
        return [drawn.name, *wrong_characters(drawn, read), seconds, [line.text for line in read]]

    rows = [row["result"] for row in kept(out, "accuracy", [str(n) for n in range(300)], work)]
    for kind in ("plain", "hard"):
        for script in ("zh", "en", ""):
            mine = [row for row in rows if f"-{kind}-{script}" in row[0]]  # type: ignore[index]
            wrong, all_of = (sum(row[place] for row in mine) for place in (1, 2))  # type: ignore[index]
            rate = f"accuracy {1 - wrong / all_of:.4f} (target {TARGETS[kind]})"
            print(f"{kind} {script or 'both'}: {len(mine)} images, {all_of} characters, {rate}")
    seconds = sorted(row[3] for row in rows[1:])  # type: ignore[index]
    mean = sum(seconds) / len(seconds)
    print(f"CPU seconds an image of {SIDE} x {SIDE}: mean {mean:.2f}, median {seconds[len(seconds) // 2]:.2f};"
          f" {1 / mean:.2f} images a second on one core")  # fmt: skip


def read_in_pool(files: dict[str, bytes], workers: int) -> dict[str, object]:
    """Return name -> lines or fault, read by a pool of processes."""
    items = [Item(name, "image", len(data)) for name, data in files.items()]
    settings = SETTINGS.model_copy(update={"workers": workers})
    engine = LocalEngine(settings, files.__getitem__, ImageReader(plain(settings.images)), unpack_lines)
    return {item.sha256: result for item, result in engine.run(items, len(items))}


def cores(out: Path) -> None:
    """Print wall-clock and CPU seconds of 16 images with one process and with two, and the largest memory."""
    del out
    files = {str(number): draw(number).data for number in range(16)}
    found = []
    for workers in (1, 2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        found.append(read_in_pool(files, workers))
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{workers} processes: {len(files)} images in {wall:.1f} s, {cpu:.1f} CPU s, {cpu / wall:.2f} cores,"
              f" largest process {after.ru_maxrss >> 10} MiB")  # fmt: skip
    print("results equal:", found[0] == found[1])


def mutations(out: Path) -> None:
    """Read 1,000 damaged files through the pool; print their outcomes and the readers' memory."""
    seeds = [
        shrunk(draw(number).data, form) for number in (0, 1, 2, 3) for form in ("JPEG", "PNG", "WEBP", "GIF", "BMP")
    ]

    def work(name: str) -> object:
        start = int(name)
        files = {str(n): damaged(seeds[n % len(seeds)], random.Random(n)) for n in range(start, start + 100)}
        results = read_in_pool(files, 1)
        assert results.keys() == files.keys()
        return Counter(
            one.reason if isinstance(one, Fault) else ("read" if one else "no text") for one in results.values()
        )

    total: Counter[str] = Counter()
    for row in kept(out, "mutations", [str(n) for n in range(0, 1000, 100)], work):
        total.update(cast("dict[str, int]", row["result"]))
    print(f"{total.total()} files: {dict(total.most_common())}")
    print(f"largest reader process {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB (this run)")


def shrunk(data: bytes, form: str) -> bytes:
    """Return a small copy of an image in a format."""
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((240, 240)).save(out, form)
    return out.getvalue()


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a file with bytes changed, a part removed or doubled, its end cut off, or header numbers replaced."""
    body = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place, length = chance.randrange(len(body)), chance.randint(1, 64)
        match chance.randrange(5):
            case 0:
                body[place] ^= 1 << chance.randrange(8)
            case 1:
                body[place : place + length] = chance.randbytes(length)
            case 2:
                del body[place : place + length]
            case 3:
                body[place:place] = body[place : place + length]
            case _:
                header = chance.randrange(min(64, len(body)))
                body[header : header + 2] = chance.choice((b"\xff\xff", b"\x00\x00", b"\x7f\xff", b"\x00\x01"))
        if len(body) < 16:
            break
    return bytes(body[: chance.randint(len(body) // 2, len(body))] if chance.random() < 0.2 else body)


def proposals(out: Path) -> None:
    """Draw and read the hand-written cases; print precision and recall of the proposed values."""
    cases = tomllib.loads(Path(__file__).with_name("image_text_cases.toml").read_text(encoding="utf-8"))["case"]
    reader = ImageReader(SETTINGS.images)

    def work(name: str) -> object:
        digest_of_lines = case_page(cases[int(name.partition(":")[0])]["lines"])
        read = reader.read(digest_of_lines)
        assert isinstance(read, list)
        return [[line.text, line.confidence, *line.bounds] for line in read]

    names = [f"{n}:{hashlib.sha256(repr(case['lines']).encode()).hexdigest()[:8]}" for n, case in enumerate(cases)]
    right = proposed = wanted = 0
    for case, row in zip(cases, kept(out, "proposals", names, work), strict=True):
        lines = [ImageLine(0, n, *line) for n, line in enumerate(cast("list[list[Any]]", row["result"]))]
        own = {fold_property(name): name for name in case.get("shop", ())}
        found = propose_values(lines, PropertyNames(own, frozenset(own.values())), case.get("table", ()))
        got = {(squeezed(one.property), squeezed(one.value)) for one in found}
        truth = {(squeezed(name), squeezed(value)) for name, value in case.get("expect", {}).items()}
        right, proposed, wanted = right + len(got & truth), proposed + len(got), wanted + len(truth)
        if got != truth:
            print(f"case {row['name']}: too much {sorted(got - truth)}, missed {sorted(truth - got)}")
    print(f"{len(cases)} cases: {proposed} proposed, {right} right, {wanted} wanted;"
          f" precision {right / proposed:.3f} (target .95), recall {right / wanted:.3f}")  # fmt: skip


def case_page(rows: Sequence[str]) -> bytes:
    """Return an image with the rows below each other; ``|`` divides a row into columns."""
    image = Image.new("RGB", (SIDE, max(200, 60 + 70 * len(rows))), (246, 246, 242))
    pen = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        for column, text in enumerate(row.split("|")):
            file, index = CHINESE_FONTS[0] if any(sign > "\u2e7f" for sign in text) else LATIN_FONTS[0]
            font = ImageFont.truetype(str(FONTS / file), 26, index=index)
            pen.text((30 + 230 * column, 30 + 70 * number), text, (30, 30, 30), font=font)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


if __name__ == "__main__":
    _, what, folder = sys.argv
    Path(folder).mkdir(parents=True, exist_ok=True)
    {"accuracy": accuracy, "cores": cores, "mutations": mutations, "proposals": proposals}[what](Path(folder))
