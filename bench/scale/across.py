"""Held-out retrieval across modalities in the world with much shared signal, with more products than in the study.

    python -m bench.scale.across FOLDER [--seconds N]

Uses 4,096 products and 500 steps, and prints one line per seed. Seeds with results in FOLDER are not run again.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from bench.scale import study
from scale.model.tasks import Pretraining
from scale.training.loop import seeded

PRODUCTS, STEPS = 4096, 500


def main() -> None:
    """Run the missing seeds and print all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + options.seconds
    torch.set_num_threads(1)
    study.SIZES["train"] = PRODUCTS
    study.STEPS["pretrain"] = STEPS
    for seed in study.SEEDS:
        path = options.folder / f"across-{seed}.json"
        if not path.exists() and time.monotonic() < ends:
            data = study.load(study.Run("much", seed), options.folder)
            with seeded(study.CPU, seed, 1):
                module = Pretraining(data.recipe, data.fitted.vocabulary.size, PRODUCTS)
            study.train(module, data.splits["train"], PRODUCTS, "pretrain", seed)
            path.write_text(json.dumps(study.retrieval(module, data.splits["classification-test"])))
        if path.exists():
            print(seed, {name: round(value, 3) for name, value in json.loads(path.read_text()).items()}, flush=True)


if __name__ == "__main__":
    main()
