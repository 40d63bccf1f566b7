"""Runner of the benchmarks that need only this machine, one after the other: ``python -m bench [NAME …]``.

``python -m bench --help`` lists them. Kills, faults and soaks are slow tests (``make test-slow``), not benchmarks.
"""

import argparse
import subprocess
import sys

BENCHMARKS = {
    "splits": ["bench.splits.time_build", "60000", "600000", "6313067"],
    "crowd": ["bench.annotate.large_crowd"],
    "align-speed": ["bench.align.time_mep3m"],
    "align-rules": ["bench.align.compare_rules"],
    "align-rules-specialist": ["bench.align.compare_rules", "--shops", "specialist"],
    "clips": ["bench.extract.side_by_side", "bench/out/clips"],
    "features": ["bench.extract.features"],
    "cold_start": ["bench.extract.cold_start"],
    "shards": ["bench.export.shards", "400", "5"],
    "answers": ["bench.webapp.answer_latency"],
    "mutations": ["bench.extract.mutations", "--count", "2000"],
    "hashes": ["bench.extract.hashes"],
    "journey": ["bench.m5_journey", "--products", "60000"],
    "images": ["bench.extract.image_measures"],
    "agreement": ["bench.extract.agreement"],
    "scale": ["bench.extract.scale"],
    "training": ["bench.scale.speed"],
    "flow-overhead": ["bench.flows.overhead", "--rounds", "2"],
    "study": ["bench.scale.study", "bench/out/study"],
}
"""Name -> module and arguments. Other benchmarks need a folder or a peer's environment; see their ``--help``."""


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return how many failed."""
    failed = 0
    for name in names or BENCHMARKS:
        print(f"\n== {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", *BENCHMARKS[name]], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    listed = "\n".join(f"  {name:24}python -m {' '.join(command)}" for name, command in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        "python -m bench",
        description="Run benchmarks one after the other; without names, all.",
        epilog=f"benchmarks:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []])
    sys.exit(main(parser.parse_args().names))
