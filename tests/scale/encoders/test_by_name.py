"""Encoders by name: small networks of each library, saved here, encode modalities of 32 products."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import SettingsError
from scale.data.blocks import split_into_blocks
from scale.data.sample_encoder import Feature
from scale.data.shard_folder import ShardFolder
from scale.data.shard_reader import read_samples
from scale.data.tokens import SPECIAL
from scale.training_recipe import InputSettings, NamedEncoder
from tests.scale.tiny_recipes import recipe

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from scale.data.tensors import make_batch  # noqa: E402 - needs torch
from scale.encoders.by_name import load_encoder, pooled  # noqa: E402
from scale.encoders.frozen import FrozenEncoders  # noqa: E402
from scale.training.train import train  # noqa: E402
from tests.scale.data.test_sample_encoder import picture  # noqa: E402
from tests.scale.overfit import few_products, overfit  # noqa: E402

CPU = torch.device("cpu")
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
IMAGES = {"image_size": 16, "patch_size": 4}


def save(network: Any, reader: Any, folder: Path) -> str:  # noqa: ANN401 - classes from an untyped library
    network.save_pretrained(folder)
    if reader is not None:
        reader.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return folders of random networks: a BERT, a ViT, a detector (YOLOS) and a Wav2Vec2."""
    root = tmp_path_factory.mktemp("networks")
    torch.manual_seed(5)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = [*SPECIAL, *letters, ":", ";", *(f"##{letter}" for letter in letters)]
    bert = transformers.BertModel(transformers.BertConfig(vocab_size=len(words), max_position_embeddings=64, **SIZES))
    save(bert, None, root / "bert")
    (root / "bert" / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (root / "bert" / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 64})
    )
    side = {"height": 16, "width": 16}
    vit = transformers.ViTModel(transformers.ViTConfig(**SIZES, **IMAGES))
    save(vit, transformers.ViTImageProcessorPil(size=side), root / "vit")
    sizes = {**SIZES, "image_size": [16, 16], "patch_size": 4, "num_detection_tokens": 6}
    detector = transformers.YolosForObjectDetection(transformers.YolosConfig(**sizes))
    save(detector, transformers.YolosImageProcessorPil(size=side), root / "detector")
    convolutions = {"conv_dim": (8,), "conv_stride": (320,), "conv_kernel": (400,), "num_feat_extract_layers": 1}
    places = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    sound = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**SIZES, **convolutions, **places))
    save(sound, transformers.Wav2Vec2FeatureExtractor(), root / "sound")
    return {path.name: str(path) for path in root.iterdir()}


def tone() -> bytes:
    """Return one second of a 440 Hz tone as MP3."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=16_000)
        samples = np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux([packet for part in (frame, None) for packet in stream.encode(part)])
    return buffer.getvalue()


def encoders(networks: dict[str, str], **tokens: int) -> dict[str, dict[str, Any]]:
    """Return encoder settings for four modalities; the generated products have MFCC but no MP3."""
    names = {"text": "bert", "table": "bert", "image": "vit", "video": "vit"}
    return {
        modality: {"network": networks[name], "width": 16, "tokens": tokens.get(modality, 1)}
        for modality, name in names.items()
    }


def test_neighbours_become_one_state_and_a_grid_becomes_a_smaller_grid() -> None:
    row = torch.tensor([[[0.0], [2.0], [4.0], [6.0]]])
    assert pooled(row, 2).flatten().tolist() == [1.0, 2.0 + 3.0]
    grid = torch.cat([torch.tensor([9.0]), torch.arange(16.0)])[None, :, None]
    assert pooled(grid, 4).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert pooled(row, 9) is row


def test_a_caption_has_the_networks_pooled_vector_or_its_states(networks: dict[str, str]) -> None:
    settings = NamedEncoder(network=networks["bert"], width=16)
    one = load_encoder(settings, "text", 1, CPU)(["abc", "a longer one 12"])
    many = load_encoder(settings.model_copy(update={"tokens": 40}), "text", 1, CPU)(["abc", "a longer one 12"])
    assert [feature.states.shape for feature in one] == [(1, 16), (1, 16)]
    assert [feature.states.shape for feature in many] == [(5, 16), (14, 16)]  # the letters, [CLS] and [SEP]
    bert = transformers.AutoModel.from_pretrained(networks["bert"]).eval()
    words = transformers.AutoTokenizer.from_pretrained(networks["bert"])
    with torch.no_grad():
        truth = bert(**words("abc", return_tensors="pt"))
    assert np.allclose(one[0].states, truth.pooler_output.numpy(), atol=1e-6)
    assert np.allclose(many[0].states, truth.last_hidden_state[0].numpy(), atol=1e-6)


def test_an_image_has_its_patches_on_a_grid_and_a_damaged_one_has_nothing(networks: dict[str, str]) -> None:
    settings = NamedEncoder(network=networks["vit"], width=16, tokens=4)
    good, bad = load_encoder(settings, "image", 1, CPU)([picture(), b"no image"])
    assert good.states.shape == (4, 16)
    assert good.boxes[3].tolist() == [0.5, 0.5, 1.0, 1.0, 0.25]
    assert len(bad.states) == 0


def test_frames_that_cannot_be_read_are_left_out(networks: dict[str, str]) -> None:
    settings = NamedEncoder(network=networks["vit"], width=16, tokens=3)
    clips = [[picture(), b"no image", picture()], [b"no image"], []]
    assert [len(found.states) for found in load_encoder(settings, "video", 1, CPU)(clips)] == [2, 0, 0]


def test_a_detector_gives_its_best_boxes(networks: dict[str, str]) -> None:
    settings = NamedEncoder(network=networks["detector"], width=16, tokens=3)
    (found,) = load_encoder(settings, "image", 1, CPU)([picture()])
    assert found.states.shape == (3, 16)
    corners, area = found.boxes[:, :4], found.boxes[:, 4]
    assert bool(((corners >= 0) & (corners <= 1)).all())
    assert np.allclose(area, (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]))


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [("nowhere", 16, "cannot be loaded"), ("vit", 17, "has states of 16 numbers, not 17. Set the width")],
)
def test_what_is_wrong_names_the_setting(networks: dict[str, str], name: str, width: int, message: str) -> None:
    settings = NamedEncoder(network=networks.get(name, f"/{name}"), width=width)
    with pytest.raises(SettingsError, match=message):
        load_encoder(settings, "image", 1, CPU)([picture()])


def test_a_model_reads_modalities_by_networks_and_learns(
    networks: dict[str, str], products: ShardFolder, tmp_path: Path
) -> None:
    chosen = recipe(input={"encoders": encoders(networks, text=6, table=8, image=9, video=5)})
    few = few_products(products, chosen)
    batch = make_batch(few.encoded, chosen.objective, CPU)
    assert {name: batch[name].shape[1:] for name in ("text", "table", "image", "video")} == {
        "text": (6, 16),
        "table": (8, 16),
        "image": (9, 16),
        "video": (5, 16),
    }
    assert few.encoded.arrays["present"].any(axis=0).all()
    _, _, first = overfit(few, steps=1)
    _, _, last = overfit(few, steps=30, rate=5e-3)
    assert set(first) == {"IMCL", "MLM", "MRP", "MEM", "MFP", "MAM"}
    assert sum(last.values()) < 0.9 * sum(first.values())


def test_features_are_made_once_and_kept(
    networks: dict[str, str], products: ShardFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = recipe(input={"encoders": encoders(networks)}, optimiser={"epochs": 1})
    train(products, chosen, tmp_path / "run", cache=tmp_path / "cache")
    kept = sorted((tmp_path / "cache" / "features").rglob("*.parquet"))
    assert {path.parent.name for path in kept} == {"text", "table", "image", "video"}
    monkeypatch.setattr("scale.encoders.frozen.load_encoder", lambda *_: pytest.fail("made again"))
    other = recipe(input={"encoders": encoders(networks), "text_tokens": 9}, optimiser={"epochs": 1})
    train(products, other, tmp_path / "other", cache=tmp_path / "cache")
    assert sorted((tmp_path / "cache" / "features").rglob("*.parquet")) == kept


def test_kept_features_are_those_that_were_made(
    networks: dict[str, str], products: ShardFolder, tmp_path: Path
) -> None:
    inputs = recipe(input={"encoders": {"image": {"network": networks["detector"], "width": 16, "tokens": 3}}}).input
    made, again = (few_features(inputs, products, tmp_path) for _ in range(2))
    assert [len(made), len(made[0].states if made[0] else ())] == [32, 0]
    for left, right in zip(made, again, strict=True):
        assert (left is None) == (right is None)
        if left is not None and right is not None:
            assert np.array_equal(left.states.reshape(-1, 16), right.states)
            assert np.array_equal(left.boxes, right.boxes)


def few_features(inputs: InputSettings, products: ShardFolder, folder: Path) -> list[Feature | None]:
    (block,) = split_into_blocks(products.shards("train"))
    first, *samples = read_samples(block.shard.path, block.start, block.stop)
    samples = [replace(first, image=b"no image"), *samples]
    return FrozenEncoders(inputs, folder).features(samples)["image"]


def test_an_image_network_is_trained_with_the_model(networks: dict[str, str], products: ShardFolder) -> None:
    trained = {"image": {"network": networks["vit"], "width": 16, "trained": True}}
    chosen = recipe(input={"encoders": trained, "grid": 2, "patch": 8})
    few = few_products(products, chosen)
    _, before, _ = overfit(few, steps=1, rate=0.0)
    _, after, terms = overfit(few, steps=3, rate=5e-3)
    left, right = (dict(module.named_parameters()) for module in (before, after))
    assert any("image.network" in key and not torch.equal(left[key], right[key]) for key in left)
    assert "MRP" in terms


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"layout": "released", "pool_width": 8}}, "layout default"),
        ({"objective": {"stack_table": True}}, "stack_table"),
    ],
)
def test_recipes_that_do_not_fit_named_encoders_are_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe(input={"encoders": {"text": {"network": "x", "width": 8}}}, **sections)


def test_a_folder_of_timm_is_read(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", exc_type=ImportError)
    timm.models.save_for_hf(timm.create_model("vit_tiny_patch16_224"), tmp_path)
    settings = NamedEncoder(network=str(tmp_path), width=192, tokens=4)
    (found,) = load_encoder(settings, "image", 1, CPU)([picture()])
    assert found.states.shape == (4, 192)


def test_a_network_of_texts_does_not_read_images(networks: dict[str, str], tmp_path: Path) -> None:
    sentences = pytest.importorskip("sentence_transformers")
    sentences.SentenceTransformer(networks["bert"]).save(str(tmp_path))
    encode = load_encoder(NamedEncoder(network=str(tmp_path), width=16), "image", 1, CPU)
    with pytest.raises(SettingsError, match="does not read this modality"):
        encode([picture()])


def test_a_folder_of_sentence_transformers_is_read(networks: dict[str, str], tmp_path: Path) -> None:
    sentences = pytest.importorskip("sentence_transformers")
    sentences.SentenceTransformer(networks["bert"]).save(str(tmp_path))  # pools by the mean of the states
    (found,) = load_encoder(NamedEncoder(network=str(tmp_path), width=16), "text", 1, CPU)(["abc"])
    assert found.states.shape == (1, 16)


def test_sound_is_read_at_16_khz_and_a_damaged_clip_has_nothing(networks: dict[str, str]) -> None:
    settings = NamedEncoder(network=networks["sound"], width=16, tokens=4)
    good, bad = load_encoder(settings, "audio", 1.0, CPU)([tone(), b"no sound"])
    assert good.states.shape == (4, 16)
    assert len(bad.states) == 0
