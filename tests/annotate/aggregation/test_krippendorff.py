import math

import pyarrow as pa
import pytest

from annotate import krippendorff_alpha
from tests.annotate.crowds import five_by_five, table


def test_five_workers_on_five_tasks_agree_as_chance_does() -> None:
    """D_o = (2 + 3 + 3 + 2 + 3) / 25 and D_e = (625 - 144 - 169) / 600: both are .52."""
    assert krippendorff_alpha(five_by_five()) == pytest.approx(0, abs=1e-12)


def test_the_example_of_the_paper_has_the_alpha_of_the_paper() -> None:
    observers = ("123321412   ", "1233224125 3", " 3332342251 ", "12332441251 ")
    rows = [(unit, who, a) for who, said in enumerate(observers) for unit, a in enumerate(said) if a != " "]
    assert krippendorff_alpha(table(rows)) == pytest.approx(0.743, abs=5e-4)


def test_full_agreement_is_one_and_nothing_to_compare_is_not_a_number() -> None:
    assert krippendorff_alpha(table([("t", "v", 1), ("t", "w", 1), ("u", "v", 2), ("u", "w", 2)])) == 1.0
    assert krippendorff_alpha(table([("t", "v", 1), ("t", "w", 1)])) == 1.0
    assert math.isnan(krippendorff_alpha(table([("t", "v", 1), ("u", "w", 1)])))
    nothing = pa.table({name: pa.array([], pa.string()) for name in ("task", "worker", "label")})
    assert math.isnan(krippendorff_alpha(nothing))
