import subprocess
import sys
from pathlib import Path

import pytest
import transformers

from tools.reference_tests import MODELS, only_ours, outcomes

ROOT = Path(__file__).parents[2]
# In place of a checkout: a test of the loss that a model finds, one that only transformers' own passes, one that fails.
TESTS = """
import torch
from transformers import YolosConfig, YolosForObjectDetection

SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}


def model():
    return YolosForObjectDetection(YolosConfig(**SIZES, image_size=[16, 16], num_detection_tokens=9, num_labels=4))


def test_loss():
    labels = [{"class_labels": torch.tensor([3]), "boxes": torch.rand(1, 4), "masks": torch.rand(1, 16, 16)}]
    model()(torch.zeros(1, 3, 16, 16), labels=labels).loss.backward()


def test_whose_loss_it_is():
    assert model().loss_function.__module__.startswith("transformers")


def test_nobody_passes():
    raise AssertionError
"""


def checkout(folder):
    for model in MODELS:
        path = folder / "tests" / "models" / model / f"test_modeling_{model}.py"
        path.parent.mkdir(parents=True)
        path.write_text(TESTS)
    return folder


@pytest.mark.slow
def test_both_runs_are_compared(tmp_path):
    (theirs, callers), (ours, _) = (
        outcomes(checkout(tmp_path / str(mine)), mine, ["--import-mode=importlib"]) for mine in (False, True)
    )
    assert [name.rpartition(".")[2] for name in callers] == ["test_loss"] * 3
    assert set(callers.values()) == {transformers.__version__}
    assert len(theirs) == len(ours) == 9
    assert sorted(theirs.values()) == ["failed"] * 3 + ["passed"] * 6
    assert [name.rpartition(".")[2] for name in only_ours(theirs, ours)] == ["test_whose_loss_it_is"] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("import a_package_that_nobody_has\n", "No module named 'a_package_that_nobody_has'"),
        ("from transformers import a_name_of_another_version\n", "cannot import name 'a_name_of_another_version'"),
    ],
)
def test_why_nothing_was_collected(tmp_path, test, words):
    folder = checkout(tmp_path)
    (folder / "tests" / "models" / "detr" / "test_modeling_detr.py").write_text(test)
    with pytest.raises(SystemExit, match=f"pytest ran no test of .*{words}.*\nInstall what these tests import"):
        outcomes(folder, False, ["--import-mode=importlib"])


def test_a_folder_that_is_no_checkout_gets_a_sentence(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "tools.reference_tests", str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert run.returncode == 1
    assert run.stderr.strip().endswith("give a checkout of transformers.")
