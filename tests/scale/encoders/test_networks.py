"""Networks of ten families, saved small here with and without heads: two loads agree, pooled as each was trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import SettingsError
from scale.data.tokens import SPECIAL
from scale.training_recipe import Modality, NamedEncoder
from tests.scale.data.test_sample_encoder import picture

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from scale.encoders.by_name import ImageNetwork, load_encoder  # noqa: E402 - needs torch
from tests.scale.encoders.test_by_name import tone  # noqa: E402

CPU = torch.device("cpu")
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
IMAGES = {"image_size": 16, "patch_size": 4}
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
MEAN = [0.2, 0.4, 0.6]
TEXTS = ["abc", "a longer one 12"]


def words_into(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 32})
    )


def pixels_into(folder: Path, kind: str = "ViTImageProcessorPil") -> None:
    size = {"height": 16, "width": 16}
    reader = getattr(transformers, kind)(size=size, crop_size=size, image_mean=MEAN, image_std=[0.5] * 3)
    reader.save_pretrained(folder)


def bert(**more: int) -> Any:  # noqa: ANN401 - transformers is untyped
    return transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=32, **SIZES, **more)


def roberta() -> Any:  # noqa: ANN401
    return transformers.RobertaConfig(vocab_size=len(WORDS), max_position_embeddings=34, pad_token_id=0, **SIZES)


def vit() -> Any:  # noqa: ANN401
    return transformers.ViTConfig(**SIZES, **IMAGES)


def dino() -> Any:  # noqa: ANN401
    return transformers.Dinov2Config(**SIZES, **IMAGES)


TEXT = {"vocab_size": len(WORDS), "max_position_embeddings": 32, **SIZES}


def clip(kind: str = "CLIP") -> Any:  # noqa: ANN401
    config = getattr(transformers, f"{kind}Config")
    more = {"projection_dim": 12} if kind == "CLIP" else {}
    ends = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    return config(text_config={**TEXT, **ends, **more}, vision_config={**SIZES, **IMAGES, **more}, **more)


def whisper() -> Any:  # noqa: ANN401
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    widths = {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "vocab_size": 60, "num_mel_bins": 80}
    ends = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    return transformers.WhisperConfig(**layers, **widths, **ends, suppress_tokens=None, begin_suppress_tokens=None)


def wav2vec2() -> Any:  # noqa: ANN401
    convolutions = {"conv_dim": (8,), "conv_stride": (320,), "conv_kernel": (400,), "num_feat_extract_layers": 1}
    places = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    return transformers.Wav2Vec2Config(**SIZES, **convolutions, **places, classifier_proj_size=8)


CASES: dict[str, tuple[str, Callable[[], Any], Modality, int, str]] = {
    # folder: class that is saved, its settings, modality, width, pooling
    "bert": ("BertModel", bert, "text", 16, "own"),
    "bert, words": ("BertForMaskedLM", bert, "text", 16, "mean"),
    "bert, classes": ("BertForSequenceClassification", bert, "text", 16, "own"),
    "bert, tokens": ("BertForTokenClassification", bert, "table", 16, "mean"),
    "roberta, words": ("RobertaForMaskedLM", roberta, "text", 16, "mean"),
    "roberta": ("RobertaModel", roberta, "text", 16, "own"),
    "vit": ("ViTModel", vit, "image", 16, "own"),
    "vit, classes": ("ViTForImageClassification", vit, "image", 16, "mean"),
    "dino": ("Dinov2Model", dino, "image", 16, "own"),
    "dino, classes": ("Dinov2ForImageClassification", dino, "image", 16, "own"),
    "clip, image": ("CLIPModel", clip, "image", 12, "tower"),
    "clip, text": ("CLIPModel", clip, "text", 12, "tower"),
    "siglip, image": ("SiglipModel", lambda: clip("Siglip"), "image", 16, "tower"),
    "siglip, text": ("SiglipModel", lambda: clip("Siglip"), "text", 16, "tower"),
    "clip image tower": (
        "CLIPVisionModelWithProjection",
        lambda: clip().vision_config,
        "image",
        12,
        "embeds",
    ),
    "whisper": ("WhisperModel", whisper, "audio", 16, "encoder"),
    "whisper, classes": ("WhisperForAudioClassification", whisper, "audio", 16, "encoder"),
    "wav2vec2": ("Wav2Vec2Model", wav2vec2, "audio", 16, "mean"),
    "wav2vec2, letters": ("Wav2Vec2ForCTC", wav2vec2, "audio", 16, "mean"),
}


def save(name: str, folder: Path) -> Any:  # noqa: ANN401 - transformers is untyped
    kind, config, modality, _, _ = CASES[name]
    torch.manual_seed(8)
    network = getattr(transformers, kind)(config()).eval()
    for weight in network.parameters():  # larger than at the start of a training, so that differences show
        torch.nn.init.normal_(weight, std=0.3)
    network.save_pretrained(folder)
    if modality in ("text", "table"):
        words_into(folder)
    elif modality == "image":
        pixels_into(folder, "CLIPImageProcessorPil" if "clip" in name and "sig" not in name else "ViTImageProcessorPil")
    else:
        kind = "WhisperFeatureExtractor" if "whisper" in name else "Wav2Vec2FeatureExtractor"
        getattr(transformers, kind)().save_pretrained(folder)
    return network


def vectors(folder: Path, modality: Modality, width: int, tokens: int = 1) -> list[NDArray[np.float32]]:
    inputs: list[Any] = {"image": [picture()], "audio": [tone()]}.get(modality, TEXTS)
    encode = load_encoder(NamedEncoder(network=str(folder), width=width, tokens=tokens), modality, 1.0, CPU)
    return [feature.states for feature in encode(inputs)]


@pytest.mark.parametrize("name", CASES)
def test_two_loads_are_equal_and_pooled_as_trained(name: str, tmp_path: Path) -> None:
    network = save(name, tmp_path)
    _, _, modality, width, pooling = CASES[name]
    torch.manual_seed(1)
    first = vectors(tmp_path, modality, width)
    torch.manual_seed(2)
    again = vectors(tmp_path, modality, width)
    assert all(np.array_equal(left, right) for left, right in zip(first, again, strict=True))
    with torch.no_grad():
        wanted = expected(network, tmp_path, modality, pooling)
    assert np.allclose(first[0][0], wanted, atol=1e-4)


def expected(network: Any, folder: Path, modality: Modality, pooling: str) -> NDArray[np.float32]:  # noqa: ANN401
    """Return the vector of the first input, by the network that was saved."""
    base = getattr(network, network.base_model_prefix, network)
    if modality == "audio":
        return sound_mean(network, base, folder)
    if modality == "image":
        from scale.encoders.by_name import decode_picture  # noqa: PLC0415

        reader = transformers.AutoImageProcessor.from_pretrained(folder)
        read = reader(images=[decode_picture(picture())], return_tensors="pt")
    else:
        read = transformers.AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt")
        if "Siglip" in type(network).__name__:
            read = transformers.AutoTokenizer.from_pretrained(folder)(
                TEXTS[0], padding="max_length", max_length=32, return_tensors="pt"
            )
    if pooling == "tower":
        call = network.get_image_features if modality == "image" else network.get_text_features
        return numbers(call(**read).pooler_output[0])
    if pooling == "embeds":
        return numbers(network(**read).image_embeds[0])
    found = base(**read)
    return numbers(found.pooler_output[0] if pooling == "own" else found.last_hidden_state[0].mean(dim=0))


def sound_mean(network: Any, base: Any, folder: Path) -> NDArray[np.float32]:  # noqa: ANN401
    from scale.data.audio import decode_audio  # noqa: PLC0415

    reader = transformers.AutoFeatureExtractor.from_pretrained(folder)
    read = reader(decode_audio(tone(), 1.0), sampling_rate=16_000, return_tensors="pt")
    if "Whisper" in type(network).__name__:
        encoder = network.encoder if hasattr(network, "encoder") else base.encoder
        return numbers(encoder(**read).last_hidden_state[0, :50].mean(dim=0))  # 1 s of the 30 s has 50 states
    return numbers(base(**read).last_hidden_state[0].mean(dim=0))


def numbers(vector: Any) -> NDArray[np.float32]:  # noqa: ANN401
    found: NDArray[np.float32] = vector.flatten().numpy()
    return found


def test_image_and_text_of_clip_are_in_one_space_with_many_tokens_too(tmp_path: Path) -> None:
    save("clip, image", tmp_path)
    words_into(tmp_path)
    assert vectors(tmp_path, "image", 12, tokens=4)[0].shape == (4, 12)
    assert [found.shape for found in vectors(tmp_path, "text", 12, tokens=4)] == [(4, 12), (4, 12)]


def test_a_network_without_the_weights_of_its_states_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    save("bert", tmp_path)
    path = tmp_path / "model.safetensors"
    kept = {name: weight for name, weight in load_file(path).items() if "layer.1" not in name}
    save_file(kept, path, metadata={"format": "pt"})
    with pytest.raises(SettingsError, match=r"input.encoders.text.network: .* lack 16 weights .*would be random"):
        vectors(tmp_path, "text", 16)


def test_states_of_random_weights_are_refused_wherever_they_are_read(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    from scale.encoders.sentences import encode_texts  # noqa: PLC0415

    save("bert, words", tmp_path)
    assert encode_texts(str(tmp_path), ["abc"]).shape == (1, 16)  # the pooler is missing, and not read
    path = tmp_path / "model.safetensors"
    kept = {name: weight for name, weight in load_file(path).items() if "word_embeddings" not in name}
    save_file(kept, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="would be random"):
        encode_texts(str(tmp_path), ["abc"])


def test_a_long_text_is_cut_to_the_networks_positions(tmp_path: Path) -> None:
    save("roberta", tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    encode = load_encoder(NamedEncoder(network=str(tmp_path), width=16, tokens=99), "text", 1.0, CPU)
    (found,) = encode(["a " * 200])
    assert len(found.states) == 32


@pytest.mark.parametrize("name", ["vit", "clip, image"])
def test_a_trained_network_sees_images_as_it_was_trained(name: str, tmp_path: Path) -> None:
    """Pixels from 0 to 1 at another size: scaled to the network's side, standardised by its own mean."""
    save(name, tmp_path)
    width = CASES[name][3]
    own = ImageNetwork(NamedEncoder(network=str(tmp_path), width=width, trained=True)).eval()
    flat = torch.tensor(MEAN).view(1, 3, 1, 1).expand(1, 3, 24, 24)
    seen = own(flat, 16)
    assert seen.shape == (1, 16, width)
    network: Any = own.network
    with torch.no_grad():
        wanted = network.get_image_features if "clip" in name else network
        states = wanted(pixel_values=torch.zeros(1, 3, 16, 16)).last_hidden_state[:, 1:]
        if "clip" in name:
            states = network.visual_projection(network.vision_model.post_layernorm(states))
    assert torch.allclose(seen, states, atol=1e-5)


def test_a_missing_package_is_named_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules.json").write_text("[]")
    monkeypatch.setattr("scale.encoders.networks.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="needs sentence-transformers, which is not installed"):
        vectors(tmp_path, "text", 16)
