"""32 products, the default objective and the shipped recipe ``tiny``: found across modalities, then learnt by heart."""

import pytest

from bench.scale.generated import World, write_world
from scale.data.shard_folder import ShardFolder
from scale.training_recipe import load_training_recipe

pytest.importorskip("torch")

from tests.scale.overfit import few_products, overfit, recall


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> ShardFolder:
    return ShardFolder(write_world(World(3), tmp_path_factory.mktemp("few"), {"train": 32}))


def test_image_finds_its_text_within_200_steps(products: ShardFolder) -> None:
    batch, module, _ = overfit(few_products(products), steps=200)
    assert recall(module, batch, "image", "text") >= 0.95
    assert recall(module, batch, "video", "audio") >= 0.95


@pytest.mark.parametrize("name", ["vilbert", "vl-bert", "visualbert", "uniter", "capture", "clip", "m5-mmt"])
def test_the_papers_other_models_learn_them_too(products: ShardFolder, name: str) -> None:
    few = few_products(products, load_training_recipe(name), dropout=0.0)
    losses = [overfit(few, steps, rate=3e-3)[2] for steps in (1, 600)]
    first, last = (sum(terms.values()) / len(terms) for terms in losses)
    assert last < first / 4


def test_the_masked_losses_go_to_nothing(products: ShardFolder) -> None:
    _, _, terms = overfit(few_products(products, dropout=0.0), steps=2000, rate=3e-3)
    assert {name: loss for name, loss in terms.items() if loss > 0.05} == {}
    assert set(terms) == {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
