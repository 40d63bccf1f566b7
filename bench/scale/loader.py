"""CPU time of the loader's first epoch, without a cache, compared with a plain decode of the same samples.

    python -m bench.scale.loader SHARDS [--recipe tiny] [--samples N]

The plain decode reads the Parquet rows, opens each image and frame with Pillow at full size, and scales it to the
recipe's size, like a naive loop over the shards. The loader also prepares words, tables and audio.
"""

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from scale.data.blocks import SampleBlock, split_into_blocks
from scale.data.fit_vocabulary import fit
from scale.data.shard_folder import ShardFolder
from scale.training.train import make_loader
from scale.training_recipe import TrainingRecipe, load_training_recipe


def cpu_of(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def plain(blocks: list[SampleBlock], recipe: TrainingRecipe) -> None:
    """Decode the samples as a naive loop would."""
    sides = recipe.input.grid * recipe.input.patch, recipe.input.frame_side
    for block in blocks:
        rows = pq.read_table(block.shard.path).slice(block.start, len(block)).to_pylist()
        for row in rows:
            frames = [frame["bytes"] for frame in row["frames"] or ()][: recipe.input.frames]
            image = [row["image"]["bytes"]] if row["image"] else []
            for side, payloads in zip(sides, (image, frames), strict=True):
                for payload in payloads:
                    with Image.open(io.BytesIO(payload)) as picture:
                        picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)


def main() -> None:
    """Print the CPU time of both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shards", type=Path)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--samples", type=int, default=512)
    options = parser.parse_args()
    recipe = load_training_recipe(options.recipe)
    shards = ShardFolder(options.shards).shards(recipe.train_split)
    loader = make_loader(recipe, fit(shards, recipe.input, 1000), None)
    blocks = [block for block in split_into_blocks(shards) if block.first < options.samples]
    samples = sum(map(len, blocks))
    loader.load(blocks[0])  # imports, dictionaries
    ours = cpu_of(lambda: [loader.load(block) for block in blocks])
    theirs = cpu_of(lambda: plain(blocks, recipe))
    print(
        f"{samples} samples: loader {ours / samples * 1000:.2f} ms, plain decode {theirs / samples * 1000:.2f} ms, "
        f"{theirs / ours:.2f} x"
    )


if __name__ == "__main__":
    main()
