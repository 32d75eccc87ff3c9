"""Two processes with half of a batch each, beside one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from helpers.training.recording import load_recording

SCRIPT = Path(__file__).with_name("train_in_processes.py")
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="gloo wants a Unix here")]


def trained(folder, launcher, *arguments):
    """The folder of a run, its recorded losses and its final weights."""
    command = [sys.executable, *launcher, str(SCRIPT), str(folder), str(folder.parent / "data"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"processes: {2 if launcher else 1}" in done.stdout
    return load_recording(folder / "recording.npz"), load_file(folder / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def one(folder):
    return trained(folder / "one", [], "8")


def test_with_the_global_normalizer_two_processes_take_the_steps_of_one(folder, one):
    (curves, weights), (curves_of_two, weights_of_two) = one, trained(folder / "two", TWO, "4", "global")
    for name in ("loss_ce", "loss_bbox", "loss_giou"):
        assert np.allclose(curves[f"curve_{name}"], curves_of_two[f"curve_{name}"], rtol=1e-4), name
    for name, value in weights.items():
        assert torch.allclose(value, weights_of_two[name], rtol=1e-3, atol=1e-5), name


def test_with_local_normalizers_only_the_box_terms_of_the_first_step_agree(folder, one):
    (curves, _), (curves_of_two, _) = one, trained(folder / "local", TWO, "4")
    for name in ("loss_bbox", "loss_giou"):
        assert curves[f"curve_{name}"][0] == pytest.approx(curves_of_two[f"curve_{name}"][0], rel=1e-5)
    apart = np.abs(curves["curve_loss_ce"] / curves_of_two["curve_loss_ce"] - 1)
    assert 1e-6 < apart.max() < 0.1  # each process divides its cross-entropy by its own weights
