"""Training recipes: shipped ones, a user's own, and invalid ones."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from scale.training_recipe import load_training_recipe, shipped_names

NAMES = (
    "bi-lstm",
    "capture",
    "clip",
    "image-only",
    "inception-v3",
    "lmf",
    "lstm",
    "m5-mmt",
    "paper",
    "released",
    "small",
    "text-only",
    "tfn",
    "tiny",
    "uniter",
    "vgg-19",
    "vilbert",
    "visualbert",
    "vl-bert",
)


def test_shipped_recipes_are_named_as_their_files() -> None:
    assert shipped_names() == NAMES
    assert tuple(load_training_recipe(name).name for name in NAMES) == NAMES


def test_the_papers_sizes() -> None:
    paper = load_training_recipe("paper")
    model, inputs = paper.model, paper.input
    assert (model.width, model.heads, model.feed_forward) == (768, 12, 3072)
    assert (model.encoder_layers, model.joint_layers, model.feature_width) == (6, 6, 1024)
    assert (inputs.text_tokens, inputs.table_tokens, inputs.image_tokens, inputs.frames) == (36, 64, 36, 12)
    assert (paper.optimiser.batch, paper.optimiser.rate, paper.optimiser.epochs) == (64, 1e-4, 5)
    assert load_training_recipe("released").input.audio_shape == (80, 751)


@pytest.mark.parametrize("name", ["tiny", "small", "paper"])
def test_the_sizes_of_scale_differ_in_nothing_else(name: str) -> None:
    own, default = load_training_recipe(name), load_training_recipe("paper")
    sizes = {"width", "heads", "feed_forward", "encoder_layers", "joint_layers", "feature_width"}
    assert own.objective == default.objective
    assert own.model.model_dump(exclude=sizes) == default.model.model_dump(exclude=sizes)
    assert (own.input.tokens, own.input.image, own.input.audio) == ("corpus", "patches", "mfcc")


@pytest.mark.parametrize("name", ["lstm", "bi-lstm", "vgg-19", "inception-v3", "tfn", "lmf"])
def test_mep_3m_trains_on_classes_alone_with_adam_halved_every_two_epochs(name: str) -> None:
    own = load_training_recipe(name)
    optimiser = own.optimiser
    assert (optimiser.epochs, optimiser.batch, optimiser.schedule) == (0, 64, "halving")
    assert (optimiser.finetune_rate, optimiser.weight_decay) == (1e-3, 0.0)  # AdamW without weight decay is Adam
    assert set(own.objective.modalities) <= {"text", "image"}


def test_a_recipe_of_ones_own_says_what_differs_from_its_base(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('base = "small"\nname = "own"\n[objective]\ncontrastive = false\n[model]\nwidth = 64\n')
    own, small = load_training_recipe(path), load_training_recipe("small")
    assert own.name == "own"
    assert own.input == small.input
    assert own.model == small.model.model_copy(update={"width": 64})
    assert (own.objective.contrastive, small.objective.contrastive) == (False, True)


def test_a_base_may_have_a_base(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('base = "clip"\nname = "own"\n[model]\nwidth = 128\n')
    own, clip = load_training_recipe(path), load_training_recipe("clip")
    assert own.objective == clip.objective
    assert own.model == clip.model.model_copy(update={"width": 128})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "huge"\nname = "own"', r"base: 'huge' is not a shipped recipe. Use one of bi-lstm, "),
        ('name = "own"\n[model]\nwidth = 10\nheads = 3', r"model: heads: 3 does not divide the width 10"),
        ('name = "own"\n[objective]\nmodalities = []', r"objective: modalities: \[\] must name at least one"),
        ('name = "own"\n[objective]\nmodalities = ["image"]\nfusion = "text-cross"', r"text-cross needs text"),
        (
            'name = "own"\n[objective]\nmodalities = ["text"]\nstack_table = true',
            r"stack_table: The modalities must include text and table",
        ),
        ('name = "own"\n[optimiser]\nepoch = 3', r"optimiser.epoch: unknown key; did you mean epochs"),
    ],
)
def test_a_wrong_recipe_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=rf"own.toml: .*{message}"):
        load_training_recipe(path)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(
        SettingsError,
        match=r"recipe huge: There is no such recipe. Use one of bi-lstm, .*tiny, .*, or the path of a .toml file",
    ):
        load_training_recipe("huge")
