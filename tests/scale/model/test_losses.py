"""Every loss equals a plain recomputation, with and without missing modalities."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.scale.model import plain_losses as plain

torch = pytest.importorskip("torch")

from scale.model.losses import (  # noqa: E402 - needs torch
    contrastive_loss,
    detached_alignment,
    free_alignment,
    masked_feature_loss,
    masked_token_loss,
    no_alignment,
    nt_xent,
    paper_contrast,
    released_alignment,
)
from scale.training_recipe import ContrastForm  # noqa: E402

BATCH, MODALITIES, WIDTH = 6, 5, 7
Alignment = Callable[[Any, Any], Any]


def present_of(kind: str) -> NDArray[np.bool_]:
    if kind == "complete":
        return np.ones((BATCH, MODALITIES), dtype=bool)
    present = np.random.default_rng(5).random((BATCH, MODALITIES)) < 0.7
    present[0] = [True, False, False, False, False]
    present[1:, 4] = False  # audio: at most one sample, with nothing to contrast it with
    return present


@pytest.fixture(params=["complete", "missing"])
def present(request: pytest.FixtureRequest) -> NDArray[np.bool_]:
    return present_of(request.param)


@pytest.fixture
def pooled() -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(size=(BATCH, MODALITIES, WIDTH))


@pytest.fixture
def parameter() -> NDArray[np.float64]:
    return np.random.default_rng(2).normal(size=(BATCH, MODALITIES, MODALITIES))


@pytest.mark.parametrize(
    ("computed", "recomputed"),
    [(released_alignment, plain.released_alignment), (detached_alignment, plain.detached_alignment)],
)
def test_an_alignment_of_cosines(
    computed: Alignment, recomputed: Alignment, pooled: NDArray[np.float64], present: NDArray[np.bool_]
) -> None:
    got = computed(torch.tensor(pooled), torch.tensor(present)).numpy()
    assert got == pytest.approx(recomputed(pooled, present), abs=1e-6)


def test_only_the_released_alignment_carries_a_gradient(
    pooled: NDArray[np.float64], present: NDArray[np.bool_]
) -> None:
    vectors = torch.tensor(pooled, requires_grad=True)
    assert released_alignment(vectors, torch.tensor(present)).requires_grad
    matrix = detached_alignment(vectors, torch.tensor(present))
    assert not matrix.requires_grad
    rows = torch.tensor(present).any(dim=1) & (torch.tensor(present).sum(dim=1) > 0)
    assert (matrix[rows].sum(dim=2) / torch.tensor(present)[rows].sum(dim=1, keepdim=True)).max() <= 1 + 1e-6


def test_the_papers_alignment(parameter: NDArray[np.float64], present: NDArray[np.bool_]) -> None:
    got = free_alignment(torch.tensor(parameter), torch.tensor(present)).numpy()
    assert got == pytest.approx(plain.paper_alignment(parameter, present), abs=1e-6)


def test_the_papers_alignment_is_zero_where_it_starts(present: NDArray[np.bool_]) -> None:
    zeros = torch.zeros(BATCH, MODALITIES, MODALITIES)
    assert not free_alignment(zeros, torch.tensor(present)).any()


CONTRASTS = {
    "detached": plain.detached_contrast,
    "released": plain.released_contrast,
    "paper": plain.paper_contrast,
    "clip": plain.clip_contrast,
}


@pytest.mark.parametrize("form", CONTRASTS)
@pytest.mark.parametrize("alignment", ["cosines", "free", "off"])
def test_contrastive_learning(
    form: ContrastForm,
    alignment: str,
    pooled: NDArray[np.float64],
    parameter: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    there = torch.tensor(present)
    if alignment == "cosines":
        matrix, wanted = released_alignment(torch.tensor(pooled), there), plain.released_alignment(pooled, present)
    elif alignment == "free":
        matrix, wanted = free_alignment(torch.tensor(parameter), there), plain.paper_alignment(parameter, present)
    else:
        matrix, wanted = no_alignment(there), (present[:, :, None] & present[:, None, :]).astype(float)
    got = float(contrastive_loss(torch.tensor(pooled), there, matrix, 0.1, form))
    assert got == pytest.approx(CONTRASTS[form](pooled, present, wanted, 0.1), rel=1e-5)


def test_two_samples_by_hand() -> None:
    left, right = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    ones = torch.ones(2), torch.ones(2)
    # every view has its partner at cosine 1 and the two others at 0
    assert float(nt_xent(left, right, ones, 0.5)) == pytest.approx(math.log((math.e**2 + 2) / math.e**2))
    assert float(paper_contrast(left, right, ones, 0.5)) == pytest.approx(-2.0)


def test_nothing_to_contrast_is_no_loss_and_no_gradient() -> None:
    pooled = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    present = torch.tensor([[True, False], [False, True], [True, False]])
    loss = contrastive_loss(pooled, present, no_alignment(present), 0.1, "released")
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0
    assert pooled.grad is not None
    assert not pooled.grad.any()


def test_masked_tasks() -> None:
    rng = np.random.default_rng(3)
    scale = rng.random(4)
    logits, truth = rng.normal(size=(4, 9)), [3, 0, 8, 2]
    got = float(masked_token_loss(torch.tensor(logits), torch.tensor(truth), torch.tensor(scale)))
    assert got == pytest.approx(plain.cross_entropy(logits, truth, scale), rel=1e-5)
    predicted, features = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    error = masked_feature_loss(
        torch.tensor(predicted).float(), torch.tensor(features).float(), torch.tensor(scale).float()
    )
    assert float(error) == pytest.approx(plain.squared_error(predicted, features, scale), rel=1e-5)
