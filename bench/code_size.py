"""Size of the code, and the files that a reader opens to follow one item: ``python bench/code_size.py``.

Files are counted at run time: a profile hook in this process and its children records every project file with a
function that runs. Imports do not count. The script imports nothing from the project before the measured run, so it
can measure any earlier commit: ``python bench/code_size.py --root CHECKOUT``.
"""

import argparse
import contextlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

_OTHER = ("tests", "bench")
_HOOK = "M5DATA_HOPS"
_PAGE = b"""<html><head><title>Blue mug</title><script type="application/ld+json">{"@context": "https://schema.org",
"@type": "Product", "name": "Blue mug", "sku": "M-1", "brand": {"@type": "Brand", "name": "Acme"}, "image": "/m.png",
"offers": {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}}
</script></head><body><h1>Blue mug</h1><table><tr><th>Material</th><td>Clay</td></tr></table></body></html>"""
_SETTINGS = """[sources.shop]
start = ["http://{host}/"]
crawl_authorised = true
share_authorised = true
licence = "CC0-1.0"
local = true
[splits]
recipe = "demo"
"""


def main() -> None:
    """Print files, lines and hops of a checkout."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="checkout to measure")
    options.add_argument("--one", help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        sys.path.insert(0, str(chosen.root))
        _JOURNEYS[chosen.one](chosen.folder)
        return
    print(_sizes(chosen.root))
    with tempfile.TemporaryDirectory() as folder:
        for name in _JOURNEYS:
            print(_hops(chosen.root, Path(folder), name))


def _sizes(root: Path) -> str:
    names = subprocess.run(["git", "ls-files", "*.py"], cwd=root, capture_output=True, text=True, check=True).stdout
    product = [root / name for name in names.split() if name.split("/")[0] not in _OTHER]
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in product]
    return (
        f"product: {len(lines)} files, {sum(lines)} lines, median {median(lines):.0f}, longest {max(lines)}, "
        f"{sum(n < 60 for n in lines)} below 60 lines"
    )


def _hops(root: Path, folder: Path, name: str) -> str:
    notes = folder / f"{name}.txt"
    notes.touch()
    hook = folder / "hook"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(Path(__file__).read_text(encoding="utf-8") + "\n_install_hook()\n", "utf-8")
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--root",
        str(root),
        "--one",
        name,
        "--folder",
        str(folder),
    ]
    environment = os.environ | {"PYTHONPATH": f"{hook}:{root}", _HOOK: str(root)}
    subprocess.run(command, env=environment | {"M5DATA_HOPS_NOTES": str(notes)}, cwd=folder, check=True)
    found = {tuple(line.split("\t")) for line in notes.read_text(encoding="utf-8").splitlines()}
    files = sorted({file for file, _ in found})
    return f"{name}: {len(files)} files, {len(found)} functions\n  " + "\n  ".join(files)


def _install_hook() -> None:
    """Record every project function that runs in this process, except those run by imports."""
    root, notes = os.environ.get(_HOOK), os.environ.get("M5DATA_HOPS_NOTES")
    if not root or not notes:
        return
    output, local, seen = os.open(notes, os.O_WRONLY | os.O_APPEND), threading.local(), set[Any]()

    def profile(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            change = {"call": 1, "return": -1}.get(event, 0)
            local.depth = max(0, getattr(local, "depth", 0) + change)
        elif event == "call" and code not in seen and not getattr(local, "depth", 0):
            seen.add(code)
            name = code.co_filename.removeprefix(f"{root}/")
            if name != code.co_filename and not name.startswith((".", *_OTHER)):
                os.write(output, f"{name}\t{code.co_qualname}\n".encode())

    sys.setprofile(profile)
    threading.setprofile(profile)


@contextlib.contextmanager
def _paused() -> Iterator[None]:
    """Suspend counting during the block."""
    hook = sys.getprofile()
    sys.setprofile(None)
    threading.setprofile(None)
    notes = os.environ.pop("M5DATA_HOPS_NOTES")
    try:
        yield
    finally:
        os.environ["M5DATA_HOPS_NOTES"] = notes
        threading.setprofile(hook)
        sys.setprofile(hook)


def _page(_: Path) -> None:
    with _paused():
        import crawler

        parse = crawler.parse_page
    parse(_PAGE, "http://shop.example/mug")


def _download(folder: Path) -> None:
    with _paused():
        _shop(folder)
    _verb("download", folder)


def _extract(folder: Path) -> None:
    _verb("extract", folder)


def _splits(folder: Path) -> None:
    with _paused():
        for verb in ("dedup", "align"):
            _command(verb, "-w", str(folder / "shop"))
    _verb("build-splits", folder)


def _verb(verb: str, folder: Path) -> None:
    """Run a command in this process."""
    with _paused():
        from m5data.cli.main import main as program
    sys.argv = ["m5data", verb, "-w", str(folder / "shop")]
    with Path(os.devnull).open("w") as nothing, contextlib.suppress(SystemExit), contextlib.redirect_stdout(nothing):
        program()


def _commit(folder: Path) -> None:
    with _paused():
        import pyarrow as pa

        from core.stage import StageReport
        from storage import Store

        store = Store.create(folder / "store")
        schema = store.snapshot().table("reserve").schema
        values = {"string": "shop:1", "bool": False}
        table = pa.table({field.name: pa.array([values.get(str(field.type), 1)], field.type) for field in schema})
    with store.stage("splits", settings="") as stage:
        stage.write("reserve", table)
        stage.commit(StageReport("splits", 1, 1))


def _shop(folder: Path) -> None:
    """Serve one video on loopback, and create a workspace of 60 products, the first of which has it."""
    import av
    import numpy as np

    clip = folder / "clip.mp4"
    with av.open(str(clip), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        audio = output.add_stream("aac", rate=44_100)
        for n in range(75):
            image = np.full((48, 64, 3), n, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        wave = np.sin(np.arange(3 * 44_100) / 20).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None], "fltp", "mono")
        frame.sample_rate = 44_100
        output.mux(audio.encode(frame))
        for one in (stream, audio):
            output.mux(one.encode())
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *parts: handler(*parts, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    feed = folder / "feed.jsonl"
    rows = [
        {
            "id": f"M-{n}",
            "url": f"http://{host}/{n}.html",
            "title": f"Mug number {n} of many colours {n * n}",
            "category": ["Kitchen", f"Mugs {n % 3}"],
            "image_urls": [],
            "video_urls": [f"http://{host}/clip.mp4"] if n == 0 else [],
            "specs": {"Material": f"Clay {n}"},
        }
        for n in range(60)
    ]
    feed.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    _command("init", str(folder / "shop"))
    (folder / "shop" / "m5data.toml").write_text(_SETTINGS.format(host=host), encoding="utf-8")
    _command("ingest", str(feed), "-w", str(folder / "shop"))


def _command(*words: str) -> None:
    program = "from m5data.cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", program, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


_JOURNEYS: dict[str, Callable[[Path], None]] = {
    "page read": _page,
    "URL downloaded": _download,
    "video extracted": _extract,
    "build-splits": _splits,
    "table committed": _commit,
}

if __name__ == "__main__":
    main()
