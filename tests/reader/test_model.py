"""The choice among candidates, and model files."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from core.errors import SettingsError
from reader.model import Candidate, Model, evidence_hash, read_model, shipped_model


def model(**weights: float) -> Model:
    return Model({"price": {evidence_hash(name): weight for name, weight in weights.items()}}, {"price": 2.0}, {}, {})


def candidate(value: str, *evidence: str) -> Candidate:
    return Candidate(value, "html", set(evidence))


def test_the_likeliest_candidate_is_chosen() -> None:
    choice = model(near=4.0, struck=-4.0).choose("price", [candidate("59", "near", "struck"), candidate("49", "near")])

    assert choice is not None
    assert choice.candidate.value == "49"
    assert choice.probability == pytest.approx(np.exp(2) / (np.exp(2) + 1 + 1))


def test_the_places_of_a_value_add_their_odds() -> None:
    twice = Candidate("49", "html", {"near"}, [frozenset(("near",)), frozenset(("struck",))])

    choice = model(near=4.0, struck=-4.0).choose("price", [twice])

    assert choice is not None
    odds = np.exp((4 + np.log(1 + np.exp(-4))) / 2)
    assert choice.probability == pytest.approx(odds / (odds + 1))


def test_a_bad_place_does_not_speak_against_a_good_one() -> None:
    weights = model(near=4.0, struck=-4.0)
    good = Candidate("49", "html", set(), [frozenset(("near",))])
    both = Candidate("49", "html", set(), [frozenset(("near",)), frozenset(("struck",))])

    found = [weights.choose("price", [one]) for one in (good, both)]

    assert found[0] is not None
    assert found[1] is not None
    assert found[1].probability >= found[0].probability


def test_no_candidates_no_choice() -> None:
    assert model().choose("price", []) is None


def test_of_equals_the_first_is_chosen() -> None:
    choice = model(near=1.0).choose("price", [candidate("1", "near"), candidate("2", "near")])

    assert choice is not None
    assert choice.candidate.value == "1"


def test_what_spoke() -> None:
    assert model(near=4.0, struck=-6.0).spoke("price", candidate("59", "near", "struck", "new"), most=2) == [
        ("struck", -3.0),
        ("near", 2.0),
    ]


def test_the_shipped_model_knows_every_field() -> None:
    shipped = shipped_model()

    assert all(shipped.weights(field) for field in ("page", "caption", "price", "currency", "native_id", "image_urls"))
    assert Path(str(files("reader").joinpath("weights/reader.npz"))).stat().st_size < 2_000_000
    assert all(0.2 < shipped.least[field] <= 0.5 for field in ("price", "currency", "brand", "category", "image_urls"))
    assert shipped.least["caption"] == 0.0


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"no model")

    with pytest.raises(SettingsError, match="not a reader model"):
        read_model(path)
    with pytest.raises(SettingsError, match="not a reader model"):
        read_model(tmp_path / "missing.npz")
