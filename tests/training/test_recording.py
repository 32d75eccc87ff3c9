import numpy as np
import pytest
import torch
from batches import make_batch

from helpers import HungarianMatcher
from helpers.training.recording import REPLAY_SCENES, Recorder, load_recording, recorded_steps


class Said:
    def __init__(self, outputs):
        self.logits, self.pred_boxes = outputs["logits"], outputs["pred_boxes"]


SIZES = [2, 0, 1] * 4
TARGETS = make_batch(SIZES)[1]


def record(steps=(0, 10), until=12):
    """A recorder that saw a different model at each step."""
    recorder = Recorder(steps, torch.zeros(len(SIZES), 3, 8, 8), TARGETS, HungarianMatcher())
    for step in range(until):
        if recorder.wants(step):
            recorder.record(step, model_at(step))
    return recorder


def model_at(step):
    return lambda pixel_values: Said(make_batch(SIZES, seed=step)[0])


def test_recorded_steps():
    steps = recorded_steps(16_000)
    assert 60 <= len(steps) <= 80
    assert (steps[0], steps[-1]) == (0, 16_000)
    assert steps == sorted(set(steps))
    assert set(range(1000, 16_001, 1000)) <= set(steps)


def test_each_step_and_the_one_after_are_wanted():
    recorder = record()
    assert [step for step in range(20) if recorder.wants(step)] == [0, 1, 10, 11]


def test_round_trip(tmp_path):
    recorder = record()
    recorder.add_losses(5, {"loss": 1.5})
    recorder.add_evaluation(10, {"AP": 0.25})
    path = tmp_path / "recording.npz"
    recorder.save(path, recipe={"seed": 3})
    recording = load_recording(path)
    assert recording["about"] == {"recipe": {"seed": 3}, "minutes": 0.0}
    assert recording["step"].tolist() == [0, 10]
    assert recording["logits"].shape == (2, REPLAY_SCENES, 6, 6)
    assert recording["boxes"].shape == (2, REPLAY_SCENES, 6, 4)
    assert np.array_equal(recording["logits"][1], make_batch(SIZES, seed=10)[0]["logits"][:REPLAY_SCENES].detach())
    assert recording["target_counts"].tolist() == SIZES
    assert len(recording["target_labels"]) == len(recording["target_boxes"]) == sum(SIZES[:REPLAY_SCENES])
    assert recording["curve_step"].tolist() == [5]
    assert recording["curve_loss"].tolist() == [1.5]
    assert recording["evaluation_AP"].tolist() == [0.25]
    for row, step in enumerate((0, 10)):
        for name, at in (("owners", step), ("owners_after", step + 1)):
            match = HungarianMatcher()(make_batch(SIZES, seed=at)[0], TARGETS)
            for scene, (prediction, target) in enumerate(match):
                assert recording[name][row, scene][prediction.numpy()].tolist() == target.tolist()
                assert (recording[name][row, scene] >= 0).sum() == SIZES[scene]


def test_state_and_restore_carry_it_through_a_checkpoint(tmp_path):
    whole, first = record(), record(until=11)  # stopped between step 10 and the step after it
    torch.save(first.state(), tmp_path / "state.pt")
    second = Recorder((0, 10), torch.zeros(len(SIZES), 3, 8, 8), TARGETS, HungarianMatcher())
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    second.record(11, model_at(11))
    for recorder, name in ((whole, "whole"), (second, "second")):
        recorder.save(tmp_path / f"{name}.npz")
    expected, found = (load_recording(tmp_path / f"{name}.npz") for name in ("whole", "second"))
    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_the_minutes_of_a_run_go_on_where_it_was_taken_up_again(tmp_path):
    first, second = record(), record()
    first.began -= 120
    second.restore(first.state())
    second.save(tmp_path / "second.npz")
    assert load_recording(tmp_path / "second.npz")["about"]["minutes"] == pytest.approx(2, abs=0.1)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # numpy's, of a file that it gives up on
class TestFilesAreData:
    def test_a_truncated_file(self, tmp_path):
        path = tmp_path / "recording.npz"
        record().save(path)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(ValueError, match=r"recording\.npz is not a recording, or is cut short .*; fetch"):
            load_recording(path)

    def test_foreign_files(self, tmp_path):
        path = tmp_path / "recording.npz"
        for content in (b"", b"hello", b"PK\x03\x04 and nothing more"):
            path.write_bytes(content)
            with pytest.raises(ValueError, match="is not a recording"):
                load_recording(path)
        np.savez(path, other=np.zeros(3))
        with pytest.raises(ValueError, match="is not a recording"):
            load_recording(path)

    def test_nothing_in_a_file_is_run(self, tmp_path):
        class Trap:
            def __reduce__(self):
                return (open, (str(tmp_path / "sprung"), "w"))

        path = tmp_path / "recording.npz"
        np.savez(path, about=np.array("{}"), step=np.array([Trap()], dtype=object))
        with pytest.raises(ValueError, match="is not a recording"):
            load_recording(path)
        assert not (tmp_path / "sprung").exists()

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"is not there; give the path of a recording\.npz"):
            load_recording(tmp_path / "nothing.npz")
