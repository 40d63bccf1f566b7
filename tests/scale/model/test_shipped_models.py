"""The papers' models: each is built as its paper describes, and learns 32 products."""

from typing import Any

import pytest

from scale.data.shard_folder import ShardFolder
from scale.training_recipe import MODALITIES, TrainingRecipe, load_training_recipe
from tests.scale.tiny_recipes import INPUT

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402 - needs torch

from scale.data.tensors import Batch, make_batch  # noqa: E402
from scale.model.encoders import FeatureEncoder, TokenEncoder, describe_boxes  # noqa: E402
from scale.model.fusion import CoAttention, CrossFusion, JointFusion, NoFusion  # noqa: E402
from scale.model.layers import pixels_of  # noqa: E402
from scale.model.network import Trunk  # noqa: E402
from scale.model.networks.convolutional import vgg19  # noqa: E402
from scale.model.networks.recurrent import RecurrentTrunk  # noqa: E402
from scale.model.networks.tensor_fusion import (  # noqa: E402
    LowRankTrunk,
    TensorFusionTrunk,
    with_one,
)
from scale.model.tasks import Classifier, Pretraining, mismatched  # noqa: E402
from scale.training.loop import seeded  # noqa: E402
from tests.scale.overfit import Few, few_products, overfit  # noqa: E402

CPU = torch.device("cpu")
CLASSIFIERS = ("lstm", "bi-lstm", "tfn", "lmf")


def small(name: str) -> TrainingRecipe:
    """Return a shipped recipe with small inputs and layers, at most two layers of each kind."""
    chosen = load_training_recipe(name)
    layers = {part: min(getattr(chosen.model, part), 2) for part in ("encoder_layers", "joint_layers")}
    sizes = {"width": 32, "heads": 2, "feed_forward": 64, "feature_width": 32, "dropout": 0.0}
    released = {"feature_heads": 2, "feature_feed_forward": 48, "pool_width": 40} if name == "released" else {}
    inputs = chosen.input.model_copy(update={**INPUT, "audio": "mfcc"})  # the only audio of the generated products
    return chosen.model_copy(
        update={"input": inputs, "model": chosen.model.model_copy(update={**sizes, **layers, **released})}
    )


def trunk_of(few: Few) -> Any:  # noqa: ANN401 - each model has its own parts
    with seeded(CPU, 0, 1):
        return Pretraining(few.recipe, few.fitted.vocabulary.size, 32).trunk


ALL = {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
TERMS = {
    "small": ALL,
    "paper": ALL,
    "released": ALL,
    "image-only": {"MRP"},
    "text-only": {"MLM"},
    "vilbert": {"ITM", "MLM", "MRP"},
    "vl-bert": {"MLM", "MRP"},
    "visualbert": {"ITM", "MLM"},
    "capture": {"IMCL", "MLM", "MRP"},
    "clip": {"IMCL"},
    "m5-mmt": ALL,
}


@pytest.mark.parametrize("name", TERMS)
def test_a_model_learns_its_papers_tasks(products: ShardFolder, name: str) -> None:
    few = few_products(products, small(name))
    _, _, first = overfit(few, steps=1)
    _, module, last = overfit(few, steps=40, rate=5e-3)
    assert set(first) == set(last) == TERMS[name]
    assert sum(last.values()) < 0.9 * sum(first.values())
    assert all(torch.isfinite(weight).all() for weight in module.parameters())


def test_uniter_masks_words_or_regions_and_learns_both(products: ShardFolder) -> None:
    few = few_products(products, small("uniter"))
    drawn = [set(overfit(few, steps=1, seed=seed)[2]) for seed in range(8)]
    assert {frozenset(terms) for terms in drawn} == {frozenset({"ITM", "MLM"}), frozenset({"ITM", "MRP"})}
    both = few.recipe.objective.model_copy(update={"one_at_a_time": False})
    whole = Few(few.recipe.model_copy(update={"objective": both}), few.fitted, few.encoded)
    first, last = (overfit(whole, steps, 5e-3)[2] for steps in (1, 40))
    assert last["MLM"] < 0.9 * first["MLM"]
    assert last["MRP"] < 0.9 * first["MRP"]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_learns_32_products_by_heart(products: ShardFolder, name: str) -> None:
    before, after = learnt_by_heart(few_products(products, small(name)), steps=80, rate=1e-2)
    assert before < 0.3
    assert after >= 0.95


def learnt_by_heart(few: Few, steps: int, rate: float, *, dropout: bool = True) -> tuple[float, float]:
    """Return a classifier's accuracy on the products, before and after at most ``steps`` steps of training on them."""
    classes = {label: number for number, label in enumerate(sorted({str(label) for label in few.encoded.labels}))}
    batch = make_batch(few.encoded, few.recipe.objective, CPU, classes)
    with seeded(CPU, 0, 1):
        module = Classifier(few.recipe, few.fitted.vocabulary.size, len(classes))
    for layer in module.modules():
        if isinstance(layer, nn.Dropout) and not dropout:
            layer.p = 0.0
    before = right(module, batch)
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    for step in range(steps):
        optimiser.zero_grad()
        with seeded(CPU, 0, 2, step):
            loss = module(batch)["classes"]
        if float(loss.detach()) < 0.05:
            break
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
    return before, right(module, batch)


def right(module: Classifier, batch: Batch) -> float:
    module.eval()
    with torch.no_grad():
        found: Tensor = module.classify(module.feature(batch)).argmax(dim=1) == batch["label"]
    module.train()
    return float(found.float().mean())


def test_vilbert_has_two_streams_that_attend_to_each_other(products: ShardFolder) -> None:
    trunk = trunk_of(few_products(products, small("vilbert")))
    assert isinstance(trunk.fusion, CoAttention)
    assert trunk.fusion.joint is None
    assert len(trunk.fusion.text) == len(trunk.fusion.image) == len(trunk.fusion.own_text) == 1
    image = trunk.encoders["image"]
    assert isinstance(image, FeatureEncoder)
    assert image.locate is not None
    assert image.locate.in_features == 5
    assert image.layers.place is None


@pytest.mark.parametrize(("name", "numbers"), [("vl-bert", 128), ("visualbert", None), ("uniter", 7)])
def test_single_stream_models_are_one_sequence_of_embeddings(
    products: ShardFolder, name: str, numbers: int | None
) -> None:
    trunk = trunk_of(few_products(products, small(name)))
    assert isinstance(trunk.fusion, JointFusion)
    assert len(trunk.fusion.layers) == 2
    assert trunk.is_single_stream
    assert (trunk.fusion.see is not None) == (name == "vl-bert")
    assert all(len(encoder.layers.layers) == 0 for encoder in trunk.encoders.values())
    locate = trunk.encoders["image"].locate
    assert (locate.in_features if locate is not None else None) == numbers


def test_every_word_of_vl_bert_sees_the_image(products: ShardFolder) -> None:
    few = few_products(products, small("vl-bert"))
    trunk = trunk_of(few)
    trunk.fusion.layers = nn.ModuleList()  # leaves only the sum of embeddings
    batch = make_batch(few.encoded, few.recipe.objective, CPU)
    other = {**batch, "image": batch["image"].roll(1, 0)}
    difference = (trunk(batch).states["text"] - trunk(other).states["text"]).abs().sum(dim=(1, 2))
    assert bool((difference > 0).any())


def test_capture_joins_after_co_attention_without_alignment(products: ShardFolder) -> None:
    few = few_products(products, small("capture"))
    fusion = trunk_of(few).fusion
    assert isinstance(fusion, CoAttention)
    assert fusion.joint is not None
    assert not few.recipe.objective.alignment


def test_clip_has_towers_a_projection_and_a_learned_temperature(products: ShardFolder) -> None:
    few = few_products(products, small("clip"))
    module = Pretraining(few.recipe, few.fitted.vocabulary.size, 32)
    assert isinstance(module.trunk, Trunk)
    assert isinstance(module.trunk.fusion, NoFusion)
    assert module.temperature.requires_grad
    assert float(module.temperature.detach().exp()) == pytest.approx(0.07)
    assert {pooler.out_features for pooler in module.trunk.poolers.values()} == {64}  # type: ignore[union-attr]


def test_the_released_layout_is_that_of_the_authors_code(products: ShardFolder) -> None:
    few = few_products(products, small("released"))
    trunk = trunk_of(few)
    text, table = trunk.encoders["text"], trunk.encoders["table"]
    assert isinstance(text, TokenEncoder)
    assert text.words is table.words
    assert text.layers is table.layers
    assert trunk.encoders["video"].layers.layers is trunk.encoders["image"].layers.layers
    assert trunk.fusion.place is not None
    assert not hasattr(trunk.fusion, "kind")
    assert trunk.fusion.layers[0].wide.out_features == 4 * 32
    batch = make_batch(few.encoded, few.recipe.objective, CPU)
    fused = trunk.eval()(batch)
    assert fused.pooled.shape == (32, 5, 40)
    assert bool((fused.pooled >= 0).all())
    states, _ = trunk.encode(batch)
    assert torch.equal(fused.states["image"], states["image"])  # masked tasks are predicted before fusion
    assert not torch.equal(fused.first[:, 1], states["image"][:, 0])
    classifier = Classifier(few.recipe, few.fitted.vocabulary.size, 7)
    assert classifier.hidden.in_features == 5 * 32


@pytest.mark.parametrize("name", ["image-only", "text-only"])
def test_a_model_of_one_modality_has_its_encoder_alone(products: ShardFolder, name: str) -> None:
    few = few_products(products, small(name))
    assert list(trunk_of(few).encoders) == [name.removesuffix("-only")]
    assert not few.recipe.objective.contrastive


def test_m5_mmt_fuses_text_with_each_other_modality_by_itself(products: ShardFolder) -> None:
    few = few_products(products, small("m5-mmt"))
    trunk = trunk_of(few).eval()
    assert isinstance(trunk.fusion, CrossFusion)
    assert set(trunk.encoders) == {"text", *trunk.fusion.to_other} == {"text", *trunk.fusion.to_text} == set(MODALITIES)
    assert not few.recipe.objective.alignment
    batch = make_batch(few.encoded, few.recipe.objective, CPU)
    states, other = (trunk(shown).states for shown in (batch, {**batch, "image": batch["image"].roll(1, 0)}))
    changed = {name for name in states if not torch.equal(states[name], other[name])}
    assert changed == {"text", "image"}


def test_boxes_as_each_paper_describes_them() -> None:
    box = torch.tensor([[[0.25, 0.5, 0.75, 1.0, 0.25]]])
    assert describe_boxes(box, "7").flatten().tolist() == [0.25, 0.5, 0.75, 1.0, 0.5, 0.5, 0.25]
    waves = describe_boxes(box, "sine").flatten()
    assert len(waves) == 128
    assert float(waves[0]) == pytest.approx(float(torch.tensor(50.0).sin()))  # the centre, 0.5, times 100
    assert float(waves[64]) == pytest.approx(float(torch.tensor(50.0).cos()))


def test_matching_exchanges_images_only(products: ShardFolder) -> None:
    few = few_products(products, small("uniter"))
    batch = make_batch(few.encoded, few.recipe.objective, CPU)
    with seeded(CPU, 5):
        mixed, kept = mismatched(batch, ("text", "image"))
    assert 0.2 < float(kept.float().mean()) < 0.8
    assert torch.equal(mixed["text"], batch["text"])
    assert torch.equal(mixed["image"][kept], batch["image"][kept])
    assert torch.equal(mixed["image"][~kept], batch["image"].roll(1, 0)[~kept])
    assert torch.equal(mixed["present"][:, 0], batch["present"][:, 0])


def test_lstm_and_bi_lstm_read_words_to_the_last(products: ShardFolder) -> None:
    for name, directions in (("lstm", 1), ("bi-lstm", 2)):
        few = few_products(products, small(name))
        trunk = trunk_of(few)
        assert isinstance(trunk, RecurrentTrunk)
        assert trunk.text.lstm.bidirectional == (directions == 2)
        batch = make_batch(few.encoded, few.recipe.objective, CPU)
        longer = {key: nn.functional.pad(batch[key], (0, 3)) for key in ("text", "text_mask")}
        assert torch.allclose(trunk(batch).feature, trunk({**batch, **longer}).feature)  # padding is ignored


def test_tensor_fusion_is_the_outer_product_and_low_rank_its_factored_form(products: ShardFolder) -> None:
    few = few_products(products, small("tfn"))
    trunk = trunk_of(few)
    assert isinstance(trunk, TensorFusionTrunk)
    assert trunk.after[1].in_features == 33 * 33
    low = trunk_of(few_products(products, small("lmf")))
    assert isinstance(low, LowRankTrunk)
    left, right_ = (torch.randn(3, 32, generator=torch.Generator().manual_seed(at)) for at in (1, 2))
    # the full tensor that the factors represent, applied to the outer product
    whole = torch.einsum("r,rio,rjo->ijo", low.weights[0], low.factors["text"], low.factors["image"])
    outer = with_one(left)[:, :, None] * with_one(right_)[:, None]
    wanted = torch.einsum("bij,ijo->bo", outer, whole) + low.bias
    assert torch.allclose(low.join({"text": left, "image": right_}), wanted, atol=1e-4)


def test_what_vgg_19_starts_from_lets_the_image_through() -> None:
    with seeded(CPU, 0):
        network, images = vgg19().eval(), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        vectors = network(images)
    assert float(vectors.std(dim=0).norm() / vectors.mean(dim=0).norm()) > 0.01  # 1e-6 with torch's own initialisation


def test_vgg_19_has_its_papers_layers_and_reads_the_image() -> None:
    with torch.device("meta"):
        network = vgg19()
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) + sum(isinstance(part, nn.Linear) for part in network.modules()) + 1 == 19
    assert sum(weight.numel() for weight in network.parameters()) == 143_667_240 - 4097 * 1000  # without the last layer
    assert network(torch.zeros(2, 3, 224, 224, device="meta")).shape == (2, 4096)
    inputs = load_training_recipe("vgg-19").input.model_copy(update={"grid": 2, "patch": 2})
    tokens = torch.arange(48, dtype=torch.float32).reshape(1, 4, 12)
    pixels = pixels_of(tokens, inputs)
    assert pixels.shape == (1, 3, 4, 4)
    restored = (pixels[0, 0] * 0.229 + 0.485) * 2 - 1  # red: values 0, 3, 6, 9 of each patch
    assert restored.round().tolist() == [[0, 3, 12, 15], [6, 9, 18, 21], [24, 27, 36, 39], [30, 33, 42, 45]]
