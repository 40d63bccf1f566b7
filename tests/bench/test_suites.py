"""Each subject of ``bench.suites`` on cases of the test's own: what passes, what fails, and what is printed."""

import base64
import io
import json
import re
import tarfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bench.suites import loaders
from bench.suites.__main__ import SUBJECTS, main
from bench.suites.images import mean_colours
from tests.extract.synthetic_media import Clip, make_clip

Cases = Sequence[dict[str, Any]]


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def write(data: Path, subject: str, cases: Cases) -> Path:
    folder = data / subject
    folder.mkdir(parents=True)
    lines = (json.dumps({"id": f"c{number}"} | case) for number, case in enumerate(cases))
    (folder / "cases.jsonl").write_text("\n".join(lines))
    return folder


def lines(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out.splitlines()


def run(capsys: pytest.CaptureFixture[str], data: Path, subject: str, cases: Cases) -> list[str]:
    write(data, subject, cases)
    return lines(capsys, "--data", data, "--subject", subject)


PAGE = (
    '<title>Oak stool</title><script type="application/ld+json">{"@type": "Product", "name": "Oak stool", '
    '"sku": "S-1", "offers": {"price": "40.00", "priceCurrency": "EUR"}}</script><h1>Oak stool</h1>'
)
STOOL = {"kind": "json-ld", "html": PAGE, "url": "https://shop.example/p/stool"}


def test_kinds_and_sum_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    robots = "User-agent: *\nDisallow: /private\nCrawl-delay: 3\n"
    page = {"robots": robots, "agent": "m5data", "url": "https://shop.example/private/1"}
    cases = [
        {**page, "allowed": False},
        {**page, "allowed": True},
        {**page, "allowed": False, "status": 503},
        {"robots": robots, "agent": "m5data", "url": "https://shop.example/", "delay_s": 3},
        {"robots_base64": b64("Sitemap: https://shop.example/s.xml\n"), "agent": "m5data", "sitemap_count": 1},
        {"x_robots_tag": ["noindex"], "agent": "m5data", "noindex": True, "nofollow": False},
    ]
    assert run(capsys, tmp_path, "robots", cases) == [
        "robots rules 1/2",
        "robots status 1/1",
        "robots delay 1/1",
        "robots sitemaps 1/1",
        "robots X-Robots-Tag 1/1",
        "robots 5/6",
    ]


def test_failing_cases_are_printed_with_input_and_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "quantities", [{"kind": "text", "source": "mine", "value": "3 cm", "unit": "mm", "number": 31}])
    assert lines(capsys, "--data", tmp_path, "--failing") == [
        "FAIL quantities text, c0 mine: input {'value': '3 cm'}; expected '31 mm'; got '30.0 mm'",
        "quantities text 0/1",
        "quantities 0/1",
    ]


def test_case_that_raises_fails_and_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = {"kind": "text", "unit": "mm", "number": 30}
    write(tmp_path, "quantities", [case, case | {"value": "3 cm"}])
    assert lines(capsys, "--data", tmp_path, "--failing") == [
        """FAIL quantities text, c0: input {}; expected 'no error'; got "KeyError: 'value'\"""",
        "quantities text 1/2",
        "quantities 1/2",
    ]


def test_urls_are_resolved_refused_and_requested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = "https://shop.example/a/b"
    cases = [
        {"kind": "wire", "target": "/images/1.jpg?size=2"},
        {"kind": "resolve", "input": "../c?#top", "base": base, "url": "https://shop.example/c"},
        {"kind": "refuse_host", "input": "mailto:a@shop.example", "base": base},
        {"kind": "query", "input": "q=caf%E9", "encoding": "latin-1", "query": "q=caf%E9"},
        {"kind": "same_page", "input": "https://SHOP.example/a", "same_as": "https://shop.example/a"},
    ]
    assert run(capsys, tmp_path, "urls", cases) == [
        "urls resolve 1/1",
        "urls refuse_host 1/1",
        "urls query 1/1",
        "urls same_page 1/1",
        "urls wire 1/1",
        "urls 5/5",
    ]


def test_texts_are_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        {"kind": "file_declared", "file": "page.html", "encoding": "iso-8859-2"},
        {"kind": "label", "body_base64": b64(b"\xe9"), "content_type": "text/html; charset=latin1", "text": "é"},
    ]
    folder = write(tmp_path, "charsets", [{"encoding": "latin-1"} | case for case in cases])
    (folder / "page.html").write_bytes('<meta charset="iso-8859-2"><p>źle</p>'.encode("iso-8859-2"))
    assert lines(capsys, "--data", tmp_path) == ["charsets file_declared 1/1", "charsets label 1/1", "charsets 2/2"]


def test_fields_of_pages_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    specs = "<table><tr><th>Height</th><td>45 cm</td></tr><tr><th>Wood</th><td>oak</td></tr></table>"
    wanted = [
        {"caption": "Oak stool", "price": "40", "currency": "EUR", "native_id": "S-1"},
        {"price": "41"},
        {"price_one_of": ["39", "40"], "image_urls": [], "variants": [], "variant_options": []},
    ]
    cases = [STOOL | {"want": want} for want in wanted]
    cases.append(STOOL | {"html": PAGE + specs, "want": {"specs": [["Wood", "oak"]], "spec_numbers": ["Height", "45"]}})
    assert run(capsys, tmp_path, "markup", cases) == ["markup json-ld 3/4", "markup 3/4"]


def test_breadcrumbs_become_categories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crumbs = [("Home", "/"), ("Furniture", "/f"), ("Stools", "/f/s")]
    links = "".join(f'<li><a href="{url}">{name}</a></li>' for name, url in crumbs)
    case = {
        "html": f'<ul class="breadcrumb">{links}</ul>',
        "base_url": "https://shop.example/",
        "breadcrumbs": [{"name": name, "url": f"https://shop.example{url}"} for name, url in crumbs],
    }
    wrong = case | {"breadcrumbs": [*case["breadcrumbs"], {"name": "Chairs", "url": "https://shop.example/f/c"}]}
    assert run(capsys, tmp_path, "breadcrumbs", [case, wrong]) == ["breadcrumbs category 1/2", "breadcrumbs 1/2"]


def test_sitemaps_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "https://shop.example/p/1"
    xml = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"<url><loc>{url}</loc><lastmod>2026-01-02T08:30:00Z</lastmod></url></urlset>"
    )
    date = {"dated": True, "modified": {url: "2026-01-02T08:30:00+00:00"}}
    cases: Cases = [
        {"kind": "xml", "body_base64": b64(xml), "pages": [url], "sitemaps": [], "never": "file:"},
        {"kind": "date", "body_base64": b64(xml), **date},
        {"kind": "xml", "body_base64": b64(xml), "pages": []},
    ]
    assert run(capsys, tmp_path, "sitemaps", cases) == ["sitemaps xml 1/2", "sitemaps date 1/1", "sitemaps 2/3"]


def test_prices_and_gtins_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    price = {"kind": "price", "currency_hint": None}
    cases: Cases = [
        price | {"text": "$12.50", "amount": "12.5", "sign": "$"},
        price | {"text": "EUR 3", "amount": "3", "sign": "USD"},
        price | {"kind": "sign", "text": "12 zł", "amount": "12", "sign": "zł", "code": "PLN"},
        price | {"kind": "no price", "text": "sold out", "amount": None, "sign": None},
        {"kind": "gtin", "text": "4006381333931", "gtin": "4006381333931"},
    ]
    assert run(capsys, tmp_path, "prices", cases) == [
        "prices price 1/2",
        "prices sign 1/1",
        "prices no price 1/1",
        "prices gtin 1/1",
        "prices 4/5",
    ]


def test_rounded_quantities_have_a_tolerance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    width = {"kind": "shop: Width", "name": "Width", "value": "2 in", "unit": "mm"}
    cases: Cases = [width | {"number": 51, "tolerance": 0.5}, width | {"number": 51}]
    assert run(capsys, tmp_path, "quantities", cases) == ["quantities shop: Width 1/2", "quantities 1/2"]


def test_images_are_checked_and_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = {"name": "a.png", "accept": True, "format": "PNG", "frames": 1, "width": 8, "height": 16}
    red, blue = [[[255, 0, 0]] * 64, [[0, 0, 255]] * 64]
    cases = [
        image | {"file": "red.png", "grid": red},
        image | {"file": "red.png", "grid": blue},
        {"name": "cut.png", "file": "cut.png", "accept": False},
    ]
    folder = write(tmp_path, "images", cases)
    written = io.BytesIO()
    Image.new("RGB", (8, 16), (255, 0, 0)).save(written, "PNG")
    (folder / "red.png").write_bytes(written.getvalue())
    (folder / "cut.png").write_bytes(written.getvalue()[:20])
    assert lines(capsys, "--data", tmp_path) == ["images PNG 1/2", "images PNG broken 1/1", "images 2/3"]


SILENCE = [-100 * 128**0.5] + [0.0] * 19
"""MFCC of silence: 128 bands of -100 dB, whose cosine transform has only its first coefficient."""


def test_clips_are_checked_and_decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(Clip(audio=np.zeros((2, 44_100), np.float32)))
    frame = {"second": 0, "time_s": 0.0, "grid": first_colours(clip)}
    video = {"width": 96, "height": 64, "frames": [frame]}
    late = video | {"frames": [frame | {"second": 1}]}
    audio = {"duration_s": 1.0, "channels": 2, "mfcc_mean": SILENCE}  # the product drops silence
    cases: Cases = [
        {"file": "clip.mp4", "video": video, "audio": audio},
        {"file": "clip.mp4", "video": late, "audio": None},
        {"file": "cut.mp4", "video": None, "audio": None},
        {"file": "a.wav", "video": None, "audio": {"sample_rate": 22_050, "own_rate_mfcc_mean": SILENCE}},
    ]
    folder = write(tmp_path, "clips", cases)
    (folder / "clip.mp4").write_bytes(clip)
    (folder / "cut.mp4").write_bytes(clip[:100])
    with wave.open(str(folder / "a.wav"), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(bytes(44_100))
    assert lines(capsys, "--data", tmp_path) == [
        "clips video 1/2",
        "clips audio 0/1",
        "clips download 2/2",
        "clips no video 1/1",
        "clips mfcc 1/1",
        "clips 5/7",
    ]


def first_colours(clip: bytes) -> object:
    with av.open(io.BytesIO(clip), "r") as container:
        frame = next(container.decode(video=0))
    return mean_colours(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), 4).tolist()


def test_first_items_of_feeds_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "1", "url": "https://shop.example/1", "title": "Mug", "price": "3.50 EUR", "specs": {"Size": "30 cl"}}
    case = {"kind": "item", "format": "jsonl", "body_base64": b64(json.dumps(row))}
    wanted = [
        {"title": "Mug", "price": "3.5", "specs": [["Size", "30 cl"]], "spec_values": ["30 cl"]},
        {"title": "Cup"},
    ]
    cases = [case | {"want": want} for want in wanted] + [case | {"body_base64": b64("{"), "want": {}}]
    assert run(capsys, tmp_path, "feeds", cases) == ["feeds item 1/3", "feeds 1/3"]


def test_judgements_are_aggregated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [{"set": "mugs", "method": method, "accuracy": 1.0} for method in ("majority", "dawid-skene", "glad")]
    folder = write(tmp_path, "crowd-judgements", cases)
    answers = [(f"t{task}", f"w{worker}", str(task % 2)) for task in range(6) for worker in range(3)]
    (folder / "mugs_crowd.txt").write_text("\n".join("\t".join(answer) for answer in answers))
    (folder / "mugs_truth.txt").write_text("\n".join(f"t{task}\t{task % 2}" for task in range(6)))
    assert lines(capsys, "--data", tmp_path) == [
        "crowd-judgements majority 1/1",
        "crowd-judgements dawid-skene 1/1",
        "crowd-judgements glad 1/1",
        "crowd-judgements 3/3",
    ]


def test_exports_are_read_by_other_loaders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE", "HF_HOME"):
        monkeypatch.setenv(name, "1")  # restored after the test
    monkeypatch.setattr(loaders, "make_export", make_export)
    cases = [{"check": check, "fact": "-"} for check in loaders.CHECKS] + [{"check": "unheard_of", "fact": "-"}]
    assert run(capsys, tmp_path, "loaders", cases) == ["loaders check 14/15", "loaders 14/15"]


def make_export(folder: Path) -> Path:
    """Write a split of two products, each with an image, in both formats."""
    image = io.BytesIO()
    Image.new("RGB", (4, 4)).save(image, "PNG")
    (folder / "webdataset" / "train").mkdir(parents=True)
    with tarfile.open(folder / "webdataset" / "train" / "train-0.tar", "w") as tar:
        for number in range(2):
            facts = json.dumps({"product_id": f"p{number}", "caption": "Mug"}).encode()
            for name, data in ((f"{number}.json", facts), (f"{number}.png", image.getvalue())):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    (folder / "parquet" / "train").mkdir(parents=True)
    images = pa.array([{"bytes": image.getvalue()}] * 2, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    table = pa.table({"product_id": ["p0", "p1"], "caption": ["Mug", "Mug"], "image": images})
    features = {"image": {"_type": "Image"}, "product_id": TEXT, "caption": TEXT}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "parquet" / "train" / "train-0.parquet")
    return folder


TEXT = {"dtype": "string", "_type": "Value"}


def test_subjects_without_a_folder_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "quantities", [{"kind": "text", "value": "3 cm", "unit": "mm", "number": 30}])
    assert main(["--data", str(tmp_path)]) == 0
    missing = ", ".join(subject for subject in SUBJECTS if subject != "quantities")
    printed = capsys.readouterr()
    assert printed.out == "quantities text 1/1\nquantities 1/1\n"
    assert printed.err == f"bench.suites: {tmp_path} has no {missing}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "{}/none"], r".*/none is not a folder\. Name the folder that holds the subjects' folders\."),
        (["--data", "{}"], r".* has no SUBJECT/cases\.jsonl\."),
        (["--data", "{}", "--subject", "urls"], r".* has no urls/cases\.jsonl\."),
        (["--data", "{}", "--subject", "url"], r"'url' is no subject\. The subjects are robots, .*, loaders\."),
    ],
)
def test_wrong_folder_or_subject_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([argument.format(tmp_path) for argument in arguments]) == 2
    assert re.fullmatch(f"bench\\.suites: {message}\n", capsys.readouterr().err)


@pytest.mark.parametrize(("line", "message"), [("{", r"not JSON \(.*\)"), ("[]", "not an object with an id")])
def test_wrong_line_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    (write(tmp_path, "quantities", []) / "cases.jsonl").write_text(line)
    assert main(["--data", str(tmp_path), "--subject", "quantities"]) == 2
    expected = f"bench\\.suites: .*/quantities/cases\\.jsonl, line 1: {message}\n"
    assert re.fullmatch(expected, capsys.readouterr().err)
