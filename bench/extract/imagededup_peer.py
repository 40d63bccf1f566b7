"""The peer's search over hashes that a file holds; run by the Python of the peer's own environment.

python bench/extract/imagededup_peer.py HASHES.npy DISTANCE METHOD

Prints its seconds, and the pairs that it found.
"""

import sys
import time
from unittest.mock import MagicMock

import numpy as np

for name in ("methods.cnn", "utils.models", "utils.data_generator"):  # they need torch, and the search does not
    sys.modules[f"imagededup.{name}"] = MagicMock()

from imagededup.methods import PHash  # noqa: E402 - after what it must not import


def main() -> None:
    """Search once."""
    hashes = np.load(sys.argv[1]).view(np.uint64)
    encodings = {f"{place:06}.jpg": f"{value:016x}" for place, value in enumerate(hashes.tolist())}
    method = PHash(verbose=False)
    started = time.perf_counter()
    found = method.find_duplicates(
        encoding_map=encodings, max_distance_threshold=int(sys.argv[2]), search_method=sys.argv[3]
    )
    print(time.perf_counter() - started, sum(map(len, found.values())) // 2)


if __name__ == "__main__":
    main()
