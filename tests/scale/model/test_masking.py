"""Masking hides the paper's shares of tokens and patches, and never special tokens or padding."""

import numpy as np
import pytest

from scale.data.tokens import CLS, MASK, PAD, SEP, SPECIAL
from scale.training_recipe import ObjectiveSettings

torch = pytest.importorskip("torch")

from scale.data.tensors import Batch  # noqa: E402 - needs torch
from scale.model.tasks import hidden_pairs, hide, replaced  # noqa: E402
from scale.training.loop import seeded  # noqa: E402

MANY = 4_000
WORDS = 50
# [CLS] name(2) value(1) [SEP] name(1) value(2) [SEP] pad
ROW = [CLS, 10, 11, 12, SEP, 13, 14, 15, SEP, PAD]
PART = [0, 1, 1, 2, 0, 3, 4, 4, 0, 0]


def batch() -> Batch:
    ids = torch.tensor([ROW]).repeat(MANY, 1)
    image_mask = torch.arange(6).repeat(MANY, 1) < 4
    return {
        "text": ids,
        "text_mask": ids != PAD,
        "text_part": torch.zeros_like(ids),
        "table": ids,
        "table_mask": ids != PAD,
        "table_part": torch.tensor([PART]).repeat(MANY, 1),
        "image": torch.ones(MANY, 6, 3),
        "image_mask": image_mask,
    }


def test_shares_are_those_of_the_paper() -> None:
    objective = ObjectiveSettings(modalities=("text", "image", "table"))
    with seeded(torch.device("cpu"), 1):
        shown, hidden = hide(batch(), objective, WORDS)
    words = torch.tensor([token >= len(SPECIAL) for token in ROW])
    assert hidden["text"][:, words].float().mean() == pytest.approx(0.15, abs=0.01)
    assert not hidden["text"][:, ~words].any()
    changed = shown["text"][hidden["text"]]
    assert (changed == MASK).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (changed >= len(SPECIAL)).float().mean() == pytest.approx(0.2, abs=0.02)
    assert hidden["image"][:, :4].float().mean() == pytest.approx(0.15, abs=0.01)
    assert not hidden["image"][:, 4:].any()
    assert bool((shown["image"][hidden["image"]] == 0).all())
    assert bool((shown["image"][~hidden["image"]] == 1).all())
    assert bool((shown["table"][hidden["table"]] == MASK).all())


def test_whole_names_or_whole_values_are_hidden_never_both() -> None:
    with seeded(torch.device("cpu"), 2):
        hidden = hidden_pairs(torch.tensor([PART]).repeat(MANY, 1), 0.075).numpy()
    sides = {part: hidden[:, np.array(PART) == part] for part in (1, 2, 3, 4)}
    assert not hidden[:, np.array(PART) == 0].any()
    for columns in sides.values():
        assert (columns.all(axis=1) == columns.any(axis=1)).all()
        assert columns[:, 0].mean() == pytest.approx(0.075, abs=0.015)
    assert not (sides[1][:, 0] & sides[2][:, 0]).any()
    assert not (sides[3][:, 0] & sides[4][:, 0]).any()


@pytest.mark.parametrize("share", [0.05, 0.15, 0.4, 0.8])
@pytest.mark.parametrize("task", ["mem", "mlm"])
def test_every_modality_is_hidden_by_the_stated_share(share: float, task: str) -> None:
    objective = ObjectiveSettings.model_validate(
        {"modalities": ("text", "image", "table"), "masked_share": share, "table_task": task}
    )
    with seeded(torch.device("cpu"), 6):
        _, hidden = hide(batch(), objective, WORDS)
    words = torch.tensor([token >= len(SPECIAL) for token in ROW])
    shown = {"text": hidden["text"][:, words], "table": hidden["table"][:, words], "image": hidden["image"][:, :4]}
    assert {name: float(part.float().mean()) for name, part in shown.items()} == {
        name: pytest.approx(share, abs=0.015) for name in shown
    }


def test_single_tokens_where_the_table_is_learnt_by_mlm() -> None:
    objective = ObjectiveSettings(modalities=("table",), table_task="mlm")
    with seeded(torch.device("cpu"), 3):
        _, hidden = hide(batch(), objective, WORDS)
    parts = hidden["table"][:, [1, 2]]
    assert bool((parts[:, 0] != parts[:, 1]).any())
    assert hidden["table"][:, [1, 2, 3, 5, 6, 7]].float().mean() == pytest.approx(0.15, abs=0.01)


def test_draws_follow_from_the_seed_and_disturb_no_one() -> None:
    before = torch.random.get_rng_state()
    drawn = []
    for seed in (4, 4, 5):
        with seeded(torch.device("cpu"), seed, 0):
            drawn.append(replaced(batch()["text"], batch()["text_mask"], WORDS))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.random.get_rng_state(), before)
