"""Speed of ``m5data download`` and img2dataset, in turns, on 40,000 local images of about 40 kB.

python -m bench.download.images IMAGES
python -m bench.download.compare IMAGES --peer PEER/bin/img2dataset [--count 40000] [--turns 1]

nginx serves them with keep-alive at four loopback IP addresses. PEER is an environment made from
bench/download/img2dataset.txt; without it, the peer is left out. Start-up, the time for a single image, is printed
separately and excluded from images per second. m5data also hashes and sniffs the images, checks pixels and structure,
stores, commits and keeps its ledger.
"""

import argparse
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.download.images import image_name
from bench.download.own import download, serving, want

PEER_OPTIONS = [
    "--input_format=txt",
    "--output_format=webdataset",
    "--processes_count=2",
    "--thread_count=64",
    "--disable_all_reencoding=True",
    "--enable_wandb=False",
]


def own_seconds(folder: Path, urls: list[str]) -> float:
    """Return the seconds that m5data takes, start-up included."""
    want(folder, urls)
    return download(folder).seconds


def peer_seconds(peer: str, folder: Path, urls: list[str]) -> float:
    """Return the seconds that img2dataset takes, start-up included.

    Raises:
        SystemExit: not all images were downloaded.
    """
    folder.mkdir()
    listed = folder / "urls.txt"
    listed.write_text("".join(f"{url}\n" for url in urls))
    began = time.perf_counter()
    command = [peer, f"--url_list={listed}", f"--output_folder={folder / 'out'}", *PEER_OPTIONS]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    stored = sum(path.stat().st_size for path in (folder / "out").glob("*.tar"))
    if stored < 20_000 * len(urls):
        raise SystemExit(f"img2dataset: {len(urls)} images were asked for, {stored} bytes were stored")
    return seconds


def measure(name: str, seconds: Callable[[Path, list[str]], float], urls: list[str]) -> float:
    """Print start-up and speed of one downloader; return its images per second without start-up."""
    with TemporaryDirectory() as folder:
        start = seconds(Path(folder) / "one", urls[:1])
        whole = seconds(Path(folder) / "all", urls)
    speed = len(urls) / (whole - start)
    print(f"{name}: start-up {start:.2f} s, then {whole - start:.2f} s: {speed:,.0f} images/s", flush=True)
    return speed


def main() -> None:
    """Print the speed of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--peer")
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--turns", type=int, default=1)
    chosen = parser.parse_args()
    with serving(chosen.images) as homes:
        urls = [f"{homes[number % len(homes)]}/{image_name(number)}" for number in range(chosen.count)]
        for _ in range(chosen.turns):
            own = measure("m5data", own_seconds, urls)
            if chosen.peer:
                peer = measure("img2dataset", partial(peer_seconds, chosen.peer), urls)
                print(f"{own / peer:.2f} x (target >= 3)", flush=True)


if __name__ == "__main__":
    main()
