"""Latency and memory of ``m5data serve`` when it finds and shows products.

``python -m bench.webapp.explore_latency WORKSPACE [--rounds 50] [QUERY …]``: one browser asks for page after page:
searches, facets, products, the map. Search terms, facets and products are drawn from the workspace; each QUERY, as in
the URL of the product browser, is requested in addition.
"""

import argparse
import itertools
import random
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import numpy as np

from bench.webapp.answer_latency import PROGRAM
from storage import Snapshot, Store

_TICKS_PER_S = 100
_PATIENCE_S = 600
_DRAWN = "SELECT product_id, caption, brand, source FROM products ORDER BY hash(product_id) LIMIT {}"


def main() -> None:
    """Print the cost of preparing the catalogue, then the latency of each kind of page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("queries", nargs="*")
    parser.add_argument("--rounds", type=int, default=50, help="pages of each kind")
    given = parser.parse_args()
    pages = pages_of(Store.open(given.workspace).snapshot(), given.rounds)
    pages |= {query: [f"/products?{query}"] for query in given.queries}
    command = [str(PROGRAM), "serve", "-w", str(given.workspace), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            link = "".join(itertools.islice(server.stdout or (), 2)).split()[-1]
            measure(link, server.pid, pages, given.rounds)
        finally:
            server.terminate()


def pages_of(snapshot: Snapshot, rounds: int) -> dict[str, list[str]]:
    """Return kind -> paths of pages, drawn from the products of a dataset version."""
    rng = random.Random(0)
    drawn = snapshot.sql(_DRAWN.format(rounds)).to_pylist()
    ids = [row["product_id"] for row in drawn]
    lines = snapshot.sql("SELECT property, value FROM specs WHERE product_id IN (SELECT unnest(?))", [ids]).to_pylist()
    captions = [row["caption"] or "a" for row in drawn]
    places = [rng.randrange(len(caption)) for caption in captions]
    letters = [{"q": caption[place]} for caption, place in zip(captions, places, strict=True)]
    parts = [{"q": caption[place : place + 3]} for caption, place in zip(captions, places, strict=True)]
    facets = [
        *({"source": row["source"]} for row in drawn),
        *({"brand": row["brand"] or ""} for row in drawn),
        *({f"p.{line['property']}": line["value"]} for line in lines[:rounds]),
        *({f"p.{line['property']}": ""} for line in lines[-rounds:]),
        *({"price": f"{low}..{low + 50}", "source": row["source"]} for low, row in enumerate(drawn)),
        *({"image": "present"}, {"image": "no_image_on_page"}),
    ]
    rng.shuffle(facets)
    return {
        "all": ["/products", "/products?sort=-price", "/products?page=300"],
        "a letter": _listed({"q": "a"}, {"q": "1"}, *letters),
        "a letter in a shop": _listed(
            *(one | {"source": row["source"]} for one, row in zip(letters, drawn, strict=True))
        ),
        "three letters": _listed(*parts),
        "part of an id": _listed(*({"q": one[-4:]} for one in ids)),
        "facet": _listed(*facets),
        "product": [f"/products/{quote(one)}" for one in ids],
        "map": ["/map/points", *(path.replace("/products", "/map/points") for path in _listed(*letters[:5], *facets))],
    }


def _listed(*parameters: Mapping[str, str]) -> list[str]:
    return [f"/products?{urlencode(one)}" for one in parameters]


def measure(link: str, server: int, pages: Mapping[str, Sequence[str]], rounds: int) -> None:
    """Sign in, wait until catalogue and map are ready, and request each kind of page."""
    base = link.partition("/in/")[0]
    with httpx.Client(base_url=base, timeout=_PATIENCE_S) as browser:
        browser.post(link, headers={"origin": base})
        began = time.perf_counter()
        for path in ("/products", "/map/points"):
            while not _is_ready(browser.get(path)):
                time.sleep(0.2)
            show_server(f"{path} is ready after {time.perf_counter() - began:.1f} s", server)
        for kind, paths in pages.items():
            cpu, spent = _cpu_s(server), []
            for path in itertools.islice(itertools.cycle(paths), rounds):
                began = time.perf_counter()
                browser.get(path).raise_for_status()
                spent.append(time.perf_counter() - began)
            p50, p95 = np.quantile(spent, [0.5, 0.95])
            print(f"{kind:20} p50 {p50:.3f}, p95 {p95:.3f}, longest {max(spent):.3f} s; "
                  f"{(_cpu_s(server) - cpu) / rounds:.3f} s of CPU", flush=True)  # fmt: skip
        show_server("at the end", server)


def _is_ready(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.OK and "http-equiv" not in answer.text  # the waiting page reloads itself


def show_server(when: str, server: int) -> None:
    """Print the server's CPU time and memory so far."""
    sizes = dict(line.split(":") for line in Path(f"/proc/{server}/status").read_text().splitlines())
    now, most = (int(sizes[name].split()[0]) >> 10 for name in ("VmRSS", "VmHWM"))
    print(f"{when}: {_cpu_s(server):.1f} s of CPU, {now:,} MB, at most {most:,} MB", flush=True)


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


if __name__ == "__main__":
    main()
