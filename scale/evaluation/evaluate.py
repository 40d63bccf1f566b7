"""Evaluation of a training, after pre-training and after fine-tuning: results, a plot and a page of examples."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, PackageLoader
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from sklearn.manifold import TSNE

from core.errors import MissingInputError
from core.stage import Progress, SilentProgress
from scale.data.sample_encoder import Encoded
from scale.data.shard_folder import ShardFolder
from scale.data.tensors import make_batch
from scale.evaluation.baselines import count_baselines, measure_baselines
from scale.evaluation.evaluator import RETRIEVAL, Evaluator, check_version
from scale.evaluation.features import load_model
from scale.evaluation.scores import search
from scale.threads import sensible_threads
from scale.training.requirements import check_requirements
from scale.training.train import FINETUNED, PRETRAINED

__all__ = ["evaluate", "plot_features", "write_examples"]

RESULTS = "results.json"


def evaluate(
    shards: ShardFolder,
    run: Path,
    out: Path,
    *,
    cache: Path | None = None,
    device: str | None = None,
    progress: Progress = SilentProgress(),
) -> dict[str, Any]:
    """Evaluate the training in the folder ``run``; write results, a plot and examples to ``out``.

    Splits that the export lacks are skipped, and named in the result.

    Returns:
        recipe, seed, version, parameters, seconds (of training, by phase), choices (the objective, every
        switch), phases (``pretrained``, ``finetuned``: retrieval by task and modalities, read-out by which that is
        measured, read-outs the same by each, classification, clustering, cross-modal), baselines (in the same
        layout), absent splits.

    Raises:
        MissingInputError: Nothing was trained there, or no split to evaluate on was exported.
        DataError: The shards are of another dataset version; a feature is not finite.
    """
    evaluators = _evaluators(shards, run, cache, device)
    with sensible_threads(evaluators[-1].model.recipe.model.width):
        return _evaluated(evaluators, shards, out, progress)


def _evaluated(evaluators: list[Evaluator], shards: ShardFolder, out: Path, progress: Progress) -> dict[str, Any]:
    wanted = [*(name for pair in RETRIEVAL.values() for name in pair), *evaluators[-1].labelled]
    absent = [name for name in wanted if name not in shards.splits]
    if len(absent) == len(wanted):
        raise MissingInputError(f"{shards.root}: The export has none of {', '.join(wanted)}. Export them.")
    progress.start("evaluate", 3 * len(evaluators) + count_baselines() + 3)
    phases = {evaluator.phase: evaluator.measure(progress.advance) for evaluator in evaluators}
    baselines = measure_baselines(evaluators[-1], progress.advance)
    progress.finish()
    model = evaluators[-1].model
    results = {
        "recipe": model.recipe.name,
        "seed": model.seed,
        "version": model.version,
        "parameters": sum(part.numel() for part in model.trunk.parameters()),
        "seconds": {evaluator.phase: evaluator.model.seconds for evaluator in evaluators},
        "choices": model.recipe.objective.model_dump(mode="json"),
        "phases": phases,
        "baselines": baselines,
        "absent splits": absent,
    }
    out.mkdir(parents=True, exist_ok=True)
    plot_features(evaluators[-1], out)
    write_examples(evaluators[-1], out)
    (out / RESULTS).write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return results


def _evaluators(shards: ShardFolder, run: Path, cache: Path | None, device: str | None) -> list[Evaluator]:
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    paths = [run / PRETRAINED, *([run / FINETUNED] if (run / FINETUNED).exists() else [])]
    models = [load_model(path, chosen) for path in paths]
    if models[0].recipe.optimiser.epochs == 0:  # not pre-trained: the initial weights are a baseline
        del models[:-1]
    check_requirements(models[0].recipe)
    for model in models:
        check_version(model, shards)
    return [Evaluator(model, shards, chosen, cache) for model in models]


QUERIES = 8
SHOWN = 6
SIDE = 96


@dataclass(frozen=True)
class _Tile:
    """A product on the page."""

    name: str
    picture: str
    """Data URI, or empty."""
    right: bool | None
    """None: the query itself."""


def write_examples(evaluator: Evaluator, out: Path) -> None:
    """Write ``examples.html``: queries of each task, their best results, and attention over the query's image."""
    tasks = {}
    for task, (queries, gallery) in RETRIEVAL.items():
        if {queries, gallery} <= set(evaluator.shards.splits):
            tasks[task] = _rows(evaluator, queries, gallery)
    environment = Environment(loader=PackageLoader("scale"), autoescape=True)
    page = environment.get_template("examples.html").render(
        tasks=tasks, phase=evaluator.phase, recipe=evaluator.model.recipe.name
    )
    (out / "examples.html").write_text(page, encoding="utf-8")


def _rows(evaluator: Evaluator, query_split: str, gallery_split: str) -> list[list[_Tile]]:
    queries, gallery = evaluator.shown(query_split), evaluator.shown(gallery_split)
    found = search(queries, gallery).rows[:QUERIES, :SHOWN]
    asked = _images(evaluator, query_split, queries.product_ids[:QUERIES], attention=True)
    wanted = {gallery.product_ids[row] for row in found.ravel().tolist()}
    shown = _images(evaluator, gallery_split, sorted(wanted))
    rows = []
    for at, best in enumerate(found.tolist()):
        name = queries.product_ids[at]
        tiles = [_Tile(name, picture, None) for picture in asked.get(name, [""])]
        for row in best:
            other = gallery.product_ids[row]
            right = bool(gallery.labels[row] == queries.labels[at])
            tiles.append(_Tile(other, shown.get(other, [""])[0], right))
        rows.append(tiles)
    return rows


def _images(evaluator: Evaluator, split: str, names: Sequence[str], *, attention: bool = False) -> dict[str, list[str]]:
    """Return product -> its image and, with ``attention``, the text's attention over it, as data URIs."""
    wanted, inputs = set(names), evaluator.model.recipe.input
    found: dict[str, list[str]] = {}
    if inputs.image != "patches" or "image" in inputs.frozen:
        return found
    for encoded in evaluator.batches(split).in_order():
        rows = [row for row, name in enumerate(encoded.product_ids) if name in wanted]
        heat = _attention(evaluator, encoded) if attention and rows else None
        for row in rows:
            if not encoded.arrays["image_count"][row]:
                continue
            pixels = _whole(encoded.arrays["image"][row].astype(np.uint8), inputs.grid, inputs.patch)
            shades = [] if heat is None else [_blend(pixels, heat[row].reshape(inputs.grid, inputs.grid))]
            found[encoded.product_ids[row]] = [_uri(picture) for picture in (pixels, *shades)]
    return found


def _attention(evaluator: Evaluator, encoded: Encoded) -> NDArray[np.float32] | None:
    """Return how much the text's first token attends to each patch in the last joint layer: [n, patches]."""
    trunk = evaluator.model.trunk
    if not {"text", "image"} <= set(trunk.streams):
        return None
    with torch.no_grad():
        found = trunk.attention(make_batch(encoded, evaluator.model.recipe.objective, evaluator.device))
    if found is None:
        return None
    weights, places = found
    patches = slice(places["image"].start + 1, places["image"].stop)  # after the global token
    heat: NDArray[np.float32] = weights[:, places["text"].start, patches].float().cpu().numpy()
    return heat


def _whole(tokens: NDArray[np.uint8], grid: int, patch: int) -> NDArray[np.uint8]:
    side = grid * patch
    return tokens.reshape(grid, grid, patch, patch, 3).transpose(0, 2, 1, 3, 4).reshape(side, side, 3)


def _blend(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    shares = (heat - heat.min()) / max(float(heat.max() - heat.min()), 1e-9)
    colours = colormaps["inferno"](shares)[..., :3] * 255
    side = pixels.shape[0] // heat.shape[0]
    return (0.5 * pixels + 0.5 * np.kron(colours, np.ones((side, side, 1)))).astype(np.uint8)


def _uri(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE, SIDE)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


MAX = 2_000
"""Maximum number of samples drawn; with more, t-SNE takes minutes."""
PERPLEXITY = 30.0


def plot_features(evaluator: Evaluator, out: Path) -> None:
    """Write ``tsne.png``: the features of the classification test, coloured by class; nothing without that split."""
    test = evaluator.model.recipe.test_split
    if test not in evaluator.shards.splits:
        return
    features = evaluator.features(test)
    values, labels = features.values[:MAX], features.labels[:MAX].astype(str)
    if len(values) < 4:
        return
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    places = TSNE(perplexity=perplexity, random_state=evaluator.model.seed, init="pca").fit_transform(values)
    figure = Figure(figsize=(8, 8), layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _, numbers = np.unique(labels, return_inverse=True)
    axes.scatter(places[:, 0], places[:, 1], c=numbers, cmap="tab20", s=12)
    axes.set(
        title=f"t-SNE of {len(values)} features, {numbers.max() + 1} classes, {evaluator.phase}", xticks=[], yticks=[]
    )
    figure.savefig(out / "tsne.png", dpi=110, metadata={"Software": ""})
