"""What is promised of a prediction by slices: the same again, alone as among others, and nothing changed by it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.benchmark.step_methods import SMALL, Linear, Slabs
from torch import nn

from petbench import Scan
from petbench.training.prediction import translate_volume
from petbench.training.shared_norms import compute_norms_together


def test_a_prediction_repeats_leaves_its_input_alone_and_keeps_empty_slices_empty() -> None:
    method = Linear(SMALL.model_copy(update={"dropout_eval": True}))
    early = np.random.default_rng(0).random((6, 5, 7), dtype=np.float32)
    early[2] = 0.0
    given = early.copy()
    first, second = translate_volume(method, Scan(early)), translate_volume(method, Scan(early))
    assert np.array_equal(first, second)
    assert np.array_equal(early, given)
    assert not first[2].any()
    assert first.dtype == np.float32
    assert first.shape == early.shape
    assert method.training


def test_a_part_that_the_author_keeps_in_evaluation_mode_is_so_after_a_prediction() -> None:
    method = Linear(SMALL)
    method.frozen_part = nn.Dropout(0.5).eval()
    translate_volume(method, Scan(np.ones((2, 4, 4), dtype=np.float32)))
    assert method.training
    assert not method.frozen_part.training


def test_a_slice_is_predicted_alike_alone_and_among_others() -> None:
    early = np.random.default_rng(1).random((40, 4, 4), dtype=np.float32)
    for norm in ("running", "batch"):
        method = Linear(SMALL.model_copy(update={"norm_eval": norm}))
        whole = translate_volume(method, Scan(early))
        assert np.allclose(whole[33:34], translate_volume(method, Scan(early[33:34])), atol=1e-6)


def test_batch_statistics_at_evaluation_change_no_running_statistics() -> None:
    early = np.random.default_rng(1).random((3, 4, 4), dtype=np.float32)
    own = Linear(SMALL.model_copy(update={"norm_eval": "batch"}))
    running = Linear(SMALL.model_copy(update={"norm_eval": "running"}))
    running.load_state_dict(own.state_dict())
    before = own.running_mean.clone()
    assert not np.allclose(translate_volume(own, Scan(early)), translate_volume(running, Scan(early)))
    assert torch.equal(own.running_mean, before)


def test_overlapping_slabs_meet_where_they_came_from() -> None:
    early = np.random.default_rng(2).random((11, 6, 5), dtype=np.float32) + 0.2
    assert np.allclose(translate_volume(Slabs(SMALL), Scan(early)), early, rtol=1e-4)


@pytest.mark.parametrize("norm", ["running", "batch"])
def test_batch_norm_that_several_processes_computed_together_predicts_as_any(norm: str) -> None:
    early = np.random.default_rng(3).random((5, 4, 4), dtype=np.float32)
    method = Linear(SMALL.model_copy(update={"norm_eval": norm}))
    alone = translate_volume(method, Scan(early))
    compute_norms_together(method)
    assert isinstance(method.network[1], nn.SyncBatchNorm)
    assert np.array_equal(translate_volume(method, Scan(early)), alone)
