"""Memory and speed of ``m5data download`` for 1,000, 10,000 and 100,000 URLs; the target is constant memory.

python -m bench.download.images IMAGES
python -m bench.download.memory IMAGES [--counts 1000 10000 100000]

If there are more URLs than images, several URLs lead to the same image; each is fetched and checked, but stored once.
Seconds include start-up.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.download.images import image_name
from bench.download.own import download, serving, want


def measure(homes: list[str], count: int, images: int) -> None:
    """Download ``count`` URLs and print the peak memory of the command."""
    urls = [f"{homes[number % len(homes)]}/{image_name(number % images)}?{number // images}" for number in range(count)]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "workspace"
        want(folder, urls)
        run = download(folder)
    print(f"{count:6} URLs: at most {run.peak * 1024:.0f} MB, {run.seconds:.1f} s", flush=True)


def main() -> None:
    """Measure all counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--images", type=int, default=40_000)
    chosen = parser.parse_args()
    with serving(chosen.folder) as homes:
        for count in chosen.counts:
            measure(homes, count, chosen.images)


if __name__ == "__main__":
    main()
