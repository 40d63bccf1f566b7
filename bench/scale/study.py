"""The study on the generated dataset: what modalities and losses are worth, over five seeds.

    python -m bench.scale.study FOLDER [--seconds N] [--seeds 0 1 2 3 4]

Runs that FOLDER has results of are not made again; after ``--seconds`` no further run is begun.
When all are there, the tables are printed: means over the seeds, and paired differences with
95 % intervals (Student's t; the pairs share seed, data and all draws that both make).
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import torch

from bench.scale.shards import write_world
from bench.scale.study_runs import RUNS, SIZES, Run, recipe_of, world_of
from bench.scale.study_tables import print_tables
from scale.data.shard_folder import ShardFolder
from scale.evaluation.judge import TEST, Judge
from scale.evaluation.features import load_model
from scale.evaluation.scores import probe, score, search
from scale.training.train import FINETUNE, FINETUNED, PRETRAINED, train

SEEDS = range(5)
Results = dict[str, dict[str, float]]


def measure(run: Run, seed: int, folder: Path) -> dict[str, float]:
    """Train and judge one run; chosen before any result was seen, the measures are the study's tables."""
    data = folder / "data" / f"{seed}-{run.control or 'plain'}"
    if not (data / "manifest.json").exists():
        write_world(world_of(run, seed), data, SIZES)
    shards, cache = ShardFolder(data), folder / "cache"
    place = folder / f"run-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    began = time.process_time()
    train(shards, recipe_of(run), place, seed=seed, cache=cache, device="cpu")
    found: dict[str, float] = {}
    for phase, name in (("pretrained", PRETRAINED), ("finetuned", FINETUNED)):
        judge = Judge(load_model(place / name, torch.device("cpu")), shards, torch.device("cpu"), cache)
        for measure_name, value in _judge(judge).items():
            found[f"{phase} {measure_name}"] = value
    return {**found, "cpu seconds": time.process_time() - began}


def _judge(judge: Judge) -> dict[str, float]:
    test = judge.features(TEST)
    classifier = judge.model.classifier
    if classifier is None:
        accuracy = probe(judge.features(FINETUNE), test)["top-1"]
    else:
        with torch.no_grad():
            scores = classifier.classify(torch.from_numpy(test.values)).numpy()
        accuracy = score(scores, test.labels, judge.model.classes)["top-1"]
    values = search(judge.features("query-c"), judge.features("gallery-c")).values
    kept = ("paper mAP@1", "paper mAP@10", "standard mAP@10")
    return {"accuracy": accuracy, **{name: values[name] for name in kept}}


def results_of(seed: int, folder: Path) -> Results:
    """Return name of the run -> measures, of the runs that were made of a seed."""
    path = folder / f"results-{seed}.json"
    found: Results = json.loads(path.read_text()) if path.exists() else {}
    return found


def run_seed(seed: int, folder: Path, ends: float) -> None:
    """Make the runs of a seed that are missing, as long as there is time."""
    results = results_of(seed, folder)
    for run in RUNS:
        if run.name not in results and time.monotonic() < ends:
            results[run.name] = measure(run, seed, folder)
            (folder / f"results-{seed}.json").write_text(json.dumps(results, indent=2))
            print(seed, run.name, {name: round(value, 3) for name, value in results[run.name].items()}, flush=True)


def main() -> None:
    """Make the runs that are missing, then print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS), help="those to run now")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + options.seconds
    torch.set_num_threads(1)  # so small a model is slower on two
    for seed in options.seeds:
        run_seed(seed, options.folder, ends)
    whole = [seed for seed in SEEDS if len(results_of(seed, options.folder)) == len(RUNS)]
    if len(whole) > 1:
        print(f"seeds {whole}")
        print_tables({seed: results_of(seed, options.folder) for seed in whole})


if __name__ == "__main__":
    main()
