"""Evaluation of a training, after pre-training and after fine-tuning: results, a plot and a page of examples."""

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from scale.evaluation.evaluator import RETRIEVAL, Evaluator, check_version
from scale.evaluation.features import Features, finite_features, load_model
from scale.evaluation.scores import cluster, probe, search
from scale.model.tasks import Pretraining
from scale.training.loop import seeded
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
        recipe, seed, version, parameters, seconds (of training, by phase), choices (the objective, every switch),
        phases (``pretrained``, ``finetuned``: retrieval by task and modalities, classification, clustering,
        cross-modal), baselines (in the same layout), absent splits.

    Raises:
        MissingInputError: Nothing was trained there, or no split to evaluate on was exported.
        DataError: The shards are of another dataset version; a feature is not finite.
    """
    evaluators = _evaluators(shards, run, cache, device)
    wanted = [*(name for pair in RETRIEVAL.values() for name in pair), *evaluators[-1].labelled]
    absent = [name for name in wanted if name not in shards.splits]
    if len(absent) == len(wanted):
        raise MissingInputError(f"{shards.root}: The export has none of {', '.join(wanted)}. Export them.")
    progress.start("evaluate", 3 * len(evaluators) + 5)
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
    for model in models:
        check_version(model, shards)
    return [Evaluator(model, shards, chosen, cache) for model in models]


BUCKETS = 4096
"""Words are counted by their id modulo this, so that the features of a large vocabulary stay small."""
Describe = Callable[[Encoded], NDArray[np.float32]]


def measure_baselines(evaluator: Evaluator, on_measure: Callable[[], None]) -> dict[str, Any]:
    """Return the measures of the baselines on the same splits, in the layout of a phase.

    Raw pixels are left out if no product has an image.
    """
    sides = evaluator.model.recipe.input.grid, evaluator.model.recipe.input.patch
    simple: dict[str, tuple[str, Describe]] = {
        "bag of words": ("T + Tab", _bag_of_words),
        "raw pixels": ("I", lambda encoded: _pixels(encoded, *sides)),
    }
    if not any("image" in evaluator.modalities(split) for split in evaluator.shards.splits):
        del simple["raw pixels"]
    found = {name: _measure(evaluator, sees, describe, on_measure) for name, (sees, describe) in simple.items()}
    return {**found, "random initialisation": _untrained(evaluator).measure(on_measure)}


def _untrained(evaluator: Evaluator) -> Evaluator:
    """Return the evaluator of the same network with its initial weights."""
    model = evaluator.model
    with seeded(torch.device("cpu"), model.seed, 1):
        module = Pretraining(model.recipe, model.fitted.vocabulary.size, 1)
    trunk = module.trunk.to(evaluator.device).eval()
    return replace(evaluator, model=replace(model, trunk=trunk, classifier=None, classes=()), combinations=False)


def _measure(evaluator: Evaluator, sees: str, describe: Describe, on_measure: Callable[[], None]) -> dict[str, Any]:
    splits = set(evaluator.shards.splits)
    found: dict[str, Any] = {"retrieval": {}}
    for task, (queries, gallery) in RETRIEVAL.items():
        if {queries, gallery} <= splits:
            best = search(_features(evaluator, queries, describe), _features(evaluator, gallery, describe))
            counts = {"queries": float(best.queries), "unanswerable": float(best.unanswerable)}
            found["retrieval"][task] = {sees: {**best.values, **counts}}
    if {*evaluator.labelled} <= splits:
        train, test = (_features(evaluator, split, describe) for split in evaluator.labelled)
        found["classification"] = {f"linear, {sees}": probe(train, test)}
        found["clustering"] = cluster(test, evaluator.model.seed)
    on_measure()
    return found


def _features(evaluator: Evaluator, split: str, describe: Describe) -> Features:
    """Return the features of every sample of a split, zeros where it lacks the described modality."""
    ids: list[str] = []
    labels: list[str | None] = []
    values: list[NDArray[np.float32]] = []
    for encoded in evaluator.batches(split).in_order():
        values.append(describe(encoded))
        ids += encoded.product_ids
        labels += encoded.labels
    return Features(ids, np.array(labels, dtype=object), finite_features(values, ids, ()), 0)


def _bag_of_words(encoded: Encoded) -> NDArray[np.float32]:
    """Return the square roots of the word counts of caption and table, scaled to length one."""
    counts = np.zeros((len(encoded), BUCKETS), np.float32)
    for name in ("text_ids", "table_ids"):
        ids = encoded.arrays[name].astype(np.int64)
        rows, columns = np.nonzero(ids)
        np.add.at(counts, (rows, ids[rows, columns] % BUCKETS), 1.0)
    roots = np.sqrt(counts)
    unit: NDArray[np.float32] = roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1.0)
    return unit


def _pixels(encoded: Encoded, grid: int, patch: int) -> NDArray[np.float32]:
    """Return the image at 2 x 2 pixels per patch, from -1 to 1, or the mean of stored features."""
    image = encoded.arrays["image"]
    if image.dtype != np.uint8:
        mean: NDArray[np.float32] = image.mean(axis=1, dtype=np.float32)
        return mean
    half = patch // 2
    cells = image.reshape(len(image), grid * grid, patch, patch, 3)[:, :, : 2 * half, : 2 * half]
    small = cells.reshape(len(image), grid * grid, 2, half, 2, half, 3).mean(axis=(3, 5), dtype=np.float32)
    there = (encoded.arrays["image_count"].astype(np.int64) > 0)[:, None]
    scaled: NDArray[np.float32] = np.where(there, small.reshape(len(image), -1) / 127.5 - 1, 0).astype(np.float32)
    return scaled


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
    queries, gallery = evaluator.features(query_split), evaluator.features(gallery_split)
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


MOST = 2_000
"""Maximum number of samples drawn; with more, t-SNE takes minutes."""
PERPLEXITY = 30.0


def plot_features(evaluator: Evaluator, out: Path) -> None:
    """Write ``tsne.png``: the features of the classification test, coloured by class; nothing without that split."""
    test = evaluator.model.recipe.test_split
    if test not in evaluator.shards.splits:
        return
    features = evaluator.features(test)
    values, labels = features.values[:MOST], features.labels[:MOST].astype(str)
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
