from __future__ import annotations

import numpy as np
import pytest

from appliance.affect import scores


def test_average_recall_counts_every_label_alike():
    truth = np.array([0] * 90 + [1] * 10)
    chosen = np.array([0] * 90 + [1] * 5 + [0] * 5)
    counts = scores.confusion(truth, chosen, 3)
    assert counts.tolist() == [[90, 0, 0], [5, 5, 0], [0, 0, 0]]
    assert scores.unweighted_average_recall(counts) == pytest.approx(0.75)


def test_the_interval_holds_the_value_and_shrinks_with_more_items():
    rng = np.random.default_rng(3)
    truth = np.repeat(np.arange(4), 25)
    chosen = np.where(rng.random(100) < 0.7, truth, (truth + 1) % 4)
    value = scores.unweighted_average_recall(scores.confusion(truth, chosen, 4))
    low, high = scores.recall_interval(truth, chosen, 4)
    assert low < value < high
    wide = high - low
    low, high = scores.recall_interval(np.tile(truth, 16), np.tile(chosen, 16), 4)
    assert (high - low) == pytest.approx(wide / 4, rel=0.3)


def test_calibration_error_is_the_distance_of_confidence_and_accuracy():
    probabilities = np.tile([0.8, 0.2], (100, 1))
    truth = np.array([0] * 80 + [1] * 20)
    assert scores.expected_calibration_error(probabilities, truth) == pytest.approx(0.0, abs=1e-9)
    assert scores.expected_calibration_error(probabilities, np.zeros(100, np.intp)) == pytest.approx(0.2)


def test_pitch_errors_count_octaves_voicing_and_cents():
    reference = np.array([100, 100, 100, 100, 0, 0], np.float32)
    tracked = np.array([100, 200, 101, 0, 150, 0], np.float32)
    errors = scores.pitch_errors(tracked, reference)
    assert errors.gross_pitch_error == pytest.approx(1 / 3)
    assert errors.voicing_error == pytest.approx(2 / 6)
    assert errors.cents_rmse == pytest.approx(1200 * np.log2(1.01) / np.sqrt(2), rel=1e-3)
    assert (errors + errors).voicing_error == errors.voicing_error


def test_marks_give_the_pitch_between_them_and_nothing_across_gaps():
    marks = np.concatenate([np.arange(1600, 4800, 160), np.arange(9600, 11200, 80)]).astype(np.int32)
    pitch = scores.pitch_from_marks(marks, 16_000, 80)
    assert (pitch[:10] == 0).all()
    np.testing.assert_allclose(pitch[11:28], 100.0)
    assert (pitch[32:58] == 0).all()
    np.testing.assert_allclose(pitch[61:68], 200.0)
    assert not scores.pitch_from_marks(np.array([5], np.int32), 16_000, 10).any()
