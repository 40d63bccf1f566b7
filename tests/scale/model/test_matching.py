"""Image-text matching beside contrastive learning."""

from typing import Any

import pytest

from scale.data.shard_folder import ShardFolder
from tests.scale.tiny_recipes import recipe

torch = pytest.importorskip("torch")

from scale.data.tensors import make_batch  # noqa: E402 - needs torch
from scale.model.tasks import Pretraining  # noqa: E402
from scale.training.loop import seeded  # noqa: E402
from tests.scale.overfit import few_products  # noqa: E402

CPU = torch.device("cpu")


def test_exchanged_images_are_not_contrasted(products: ShardFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contrast sees every product's own image, though matching exchanges about half of them."""
    chosen = recipe(objective={"modalities": ("text", "image"), "matching": True}, model={"dropout": 0.0})
    few = few_products(products, chosen)
    batch = make_batch(few.encoded, chosen.objective, CPU)
    network = Pretraining(chosen, few.fitted.vocabulary.size, len(few.encoded)).eval()
    contrasted = []

    def contrast(pooled: Any, *_: object) -> Any:  # noqa: ANN401 - tensors
        contrasted.append(pooled)
        return pooled.sum()

    monkeypatch.setattr("scale.model.tasks.contrastive_loss", contrast)
    with seeded(CPU, 5), torch.no_grad():
        terms = network(batch)
    assert {"ITM", "IMCL"} <= set(terms)
    with torch.no_grad():
        assert torch.allclose(contrasted[0], network.trunk.vectors(batch), atol=1e-6)
