"""The default objective distinguishes products across modalities, trains every encoder, and does not collapse."""

import pytest

from scale.data.shard_folder import ShardFolder
from scale.training_recipe import MODALITIES

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402 - needs torch

from scale.data.tensors import Batch  # noqa: E402
from scale.model.tasks import Pretraining  # noqa: E402
from scale.training.train import effective_rank, mean_cosine  # noqa: E402
from tests.scale.overfit import few_products, overfit, recall  # noqa: E402
from tests.scale.tiny_recipes import recipe  # noqa: E402

STEPS = 120


def vectors_of(module: Pretraining, batch: Batch) -> dict[str, Tensor]:
    module.eval()
    with torch.no_grad():
        vectors = module.trunk.vectors(batch)
    module.train()
    there = batch["present"]
    return {name: vectors[there[:, at], at] for at, name in enumerate(module.trunk.streams)}


@pytest.mark.parametrize(("form", "collapses"), [("detached", False), ("released", True)])
def test_products_are_distinguished_where_the_alignment_is_detached(
    products: ShardFolder, form: str, *, collapses: bool
) -> None:
    small = recipe(objective={"form": form}, model={"width": 32, "dropout": 0.0})
    batch, module, _ = overfit(few_products(products, small), STEPS, 5e-3)
    vectors = vectors_of(module, batch)
    if collapses:
        assert recall(module, batch, "image", "text") <= 0.1
        assert max(map(mean_cosine, vectors.values())) > 0.9
        return
    assert recall(module, batch, "image", "text") >= 5 / 32  # five times chance
    for name, own in vectors.items():
        assert mean_cosine(own) < 0.85, name
        assert effective_rank(own) > 3, name


def test_every_encoder_gets_a_gradient(products: ShardFolder) -> None:
    batch, module, terms = overfit(few_products(products, recipe()), steps=1)
    assert set(terms) == {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
    for name in MODALITIES:
        encoder = module.trunk.encoders[name]
        parts = {part: weight.grad for part, weight in encoder.named_parameters()}
        assert all(grad is not None and bool(grad.any()) for grad in parts.values()), name
    assert batch["present"].shape == (32, 5)


def test_a_collapse_shows_in_the_statistics() -> None:
    generator = torch.Generator().manual_seed(0)
    spread = torch.randn(64, 16, generator=generator)
    same = torch.randn(16, generator=generator) + 0.01 * spread
    assert mean_cosine(spread) < 0.1
    assert mean_cosine(same) > 0.99
    assert effective_rank(spread) > 13
    assert effective_rank(torch.outer(torch.arange(64.0), same[0])) == pytest.approx(1, abs=0.01)
