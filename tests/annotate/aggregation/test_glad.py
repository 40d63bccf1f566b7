import numpy as np

from annotate.aggregation.glad import NewtonSteps


def test_a_parameter_that_oscillates_on_a_flat_curve_converges() -> None:
    """On the likelihood of 100 answers, 90 right, at beta = 20, Newton steps of 1 alternate between 0.6 and -0.4."""
    climber = NewtonSteps(np.array([0.6]))
    values = []
    for _ in range(60):
        right = 1 / (1 + np.exp(-20 * climber.value))
        climber.step(slice(None), 20 * (90 - 100 * right), 400 * 100 * right * (1 - right))
        values.append(float(climber.value[0]))
    top = climber.value
    slope = 20 * (90 - 100 / (1 + np.exp(-20 * top))) - (top - 0.6)
    assert abs(float(slope[0])) < 1e-6
    assert min(values) < 0 < top


def test_no_step_is_longer_than_one_and_the_longest_is_returned() -> None:
    climber = NewtonSteps(np.zeros(3))
    assert climber.step(slice(1, 3), np.array([1.0, 1000.0]), np.array([3.0, 0.0])) == 1.0
    assert climber.value.tolist() == [0.0, 0.25, 1.0]
