"""The default objective learns to retrieve 32 products across modalities; each shipped recipe learns them by heart."""

import pytest

from scale.data.shard_folder import ShardFolder
from scale.training_recipe import load_training_recipe, shipped_names

pytest.importorskip("torch")

from tests.scale.conftest import products
from tests.scale.model.test_shipped_models import CLASSIFIERS, TERMS, learnt_by_heart
from tests.scale.overfit import few_products, overfit, recall

__all__ = ["products"]

OTHERS = ("image-only", "text-only", "vilbert", "vl-bert", "visualbert", "uniter", "capture", "clip", "m5-mmt")


def test_image_finds_its_text_within_200_steps(products: ShardFolder) -> None:
    batch, module, _ = overfit(few_products(products), steps=200)
    assert recall(module, batch, "image", "text") >= 0.95
    assert recall(module, batch, "video", "audio") >= 0.95


@pytest.mark.parametrize("name", OTHERS)
def test_the_papers_other_models_learn_them_too(products: ShardFolder, name: str) -> None:
    few = few_products(products, load_training_recipe(name), dropout=0.0)
    losses = [overfit(few, steps, rate=3e-3)[2] for steps in (1, 600)]
    first, last = (sum(terms.values()) / len(terms) for terms in losses)
    assert last < first / 4


def test_inception_v3_learns_classes_by_heart(products: ShardFolder) -> None:
    pytest.importorskip("torchvision")  # defines the network
    chosen = load_training_recipe("inception-v3")
    smallest = chosen.input.model_copy(update={"grid": 3, "patch": 25})  # at its own 299 pixels, a step takes minutes
    few = few_products(products, chosen.model_copy(update={"input": smallest}))
    before, after = learnt_by_heart(few, steps=60, rate=3e-4)
    assert before < 0.3
    assert after >= 0.95


@pytest.mark.timeout(3600)
def test_vgg_19_learns_classes_by_heart(products: ShardFolder) -> None:
    chosen = load_training_recipe("vgg-19")
    smallest = chosen.input.model_copy(update={"grid": 1, "patch": 32})
    few = few_products(products, chosen.model_copy(update={"input": smallest}))
    before, after = learnt_by_heart(few, steps=220, rate=1e-4, dropout=False)
    assert before < 0.3
    assert after >= 0.95


def test_every_shipped_recipe_is_shown_to_learn() -> None:
    assert {"tiny", *TERMS, "uniter", *CLASSIFIERS, "inception-v3", "vgg-19"} == set(shipped_names())


def test_the_masked_losses_go_to_nothing(products: ShardFolder) -> None:
    _, _, terms = overfit(few_products(products, dropout=0.0), steps=2000, rate=3e-3)
    assert {name: loss for name, loss in terms.items() if loss > 0.05} == {}
    assert set(terms) == {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
