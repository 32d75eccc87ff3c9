"""The replay without a browser: what it packs, what the page reads from it, and how it refuses."""

import base64
import io
import json

import numpy as np
import pytest
from fake_recording import write_fake_recording
from page_code import call_page
from PIL import Image
from traitlets import TraitError

from helpers.training.recording import load_recording
from helpers.widgets import replay
from helpers.widgets.replay import (
    TrainingReplay,
    describe_frame,
    flip_share,
    ownership_runs,
    pack_recording,
    recorded_scenes,
    ticks_up_to,
    unpack_scene,
)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return load_recording(write_fake_recording(tmp_path_factory.mktemp("recording") / "recording.npz"))


@pytest.fixture(scope="module")
def data(recording):
    return pack_recording(recording, recorded_scenes(8))


def test_what_is_packed_is_what_was_recorded(recording, data):
    assert data["steps"] == recording["step"].tolist()
    start = 0
    for scene in range(8):
        arrays = unpack_scene(data, scene)
        assert np.abs(arrays["boxes"] - recording["boxes"][:, scene]).max() < 1e-5
        probability = np.exp(recording["logits"][:, scene].astype(float))
        probability /= probability.sum(-1, keepdims=True)
        assert np.abs(arrays["scores"] - (1 - probability[..., -1])).max() < 1e-5
        assert (arrays["guesses"] == probability[..., :-1].argmax(-1)).all()
        assert (arrays["owners"] == recording["owners"][:, scene]).all()
        count = int(recording["target_counts"][scene])
        assert data["scenes"][scene]["labels"] == recording["target_labels"][start : start + count].tolist()
        assert np.allclose(
            np.reshape(data["scenes"][scene]["targets"], (-1, 4)),
            recording["target_boxes"][start : start + count],
            atol=1e-4,
        )
        start += count


def test_the_targets_are_those_of_the_pictures(data):
    for (image, annotation), scene in zip(recorded_scenes(8), data["scenes"]):
        assert scene["labels"] == [entry["category_id"] for entry in annotation["annotations"]]
        small = Image.open(io.BytesIO(base64.b64decode(scene["image"].split(",")[1]))).convert("RGB")
        assert np.abs(np.asarray(small, float) - np.asarray(image, float)).mean() < 6
    assert data["scenes"][0]["labels"] == [3, 1, 4, 1, 5]


def test_it_is_small_enough_to_store(recording, data):
    assert len(json.dumps(data)) < 250_000
    one = pack_recording(recording, recorded_scenes(1))
    assert len(one["scenes"]) == 1
    assert len(json.dumps(one)) < 50_000


def test_the_page_reads_the_same_numbers(data):
    pages = call_page(TrainingReplay, "unpackScene", [[data["scenes"][i], len(data["steps"]), 12] for i in (0, 3)])
    for scene, page in zip((0, 3), pages):
        for name, ours in unpack_scene(data, scene).items():
            assert np.abs(np.array(page[name]) - ours).max() < 1e-9


def test_the_page_says_the_same_sentence(data):
    unpacked = call_page(TrainingReplay, "unpackScene", [[data["scenes"][0], len(data["steps"]), 12]])[0]
    indices = [0, 1, 40, len(data["steps"]) - 1]
    light = {**data, "scenes": [{**scene, "image": ""} for scene in data["scenes"]]}
    texts = call_page(TrainingReplay, "describeReplay", [[light, 0, unpacked, index] for index in indices])
    assert texts == [describe_frame(data, 0, index) for index in indices]
    assert texts[-1].startswith(f"Step {data['steps'][-1]:,}: ")


def test_runs_cover_every_step_once(recording):
    owners = recording["owners"][:, 0]
    page = call_page(TrainingReplay, "ownershipRuns", [[owners.tolist(), target] for target in range(5)])
    for target in range(5):
        runs = ownership_runs(owners, target)
        assert [(run["token"], run["start"], run["end"]) for run in page[target]] == runs
        assert [run[1] for run in runs] == [0, *(run[2] for run in runs[:-1])]
        assert runs[-1][2] == len(owners)
        for token, start, end in runs:
            assert (owners[start:end, token] == target).all()


def test_the_axis_gives_every_recorded_step_one_place(data):
    steps = data["steps"]
    places = call_page(TrainingReplay, "placeOf", [[step, steps] for step in [*steps, 5, 2 * steps[-1]]])
    assert places[: len(steps)] == list(range(len(steps)))
    assert places[len(steps)] == pytest.approx(np.interp(5, steps, range(len(steps))))
    assert places[-1] == len(steps) - 1


def test_flips_are_counted_over_matched_targets():
    owners = np.array([[[0, 1, -1], [-1, 0, -1]]])
    after = np.array([[[1, 0, -1], [-1, 0, -1]]])
    assert flip_share({"owners": owners, "owners_after": after}).tolist() == [pytest.approx(2 / 3)]
    assert flip_share({"owners": owners * 0 - 1, "owners_after": after}).tolist() == [0]


def test_the_replay_offers_its_state(recording):
    steps = recording["step"].tolist()
    nearest = min(steps, key=lambda step: abs(step - 4100))
    piece = TrainingReplay(recording, scenes=2, step=4100)
    assert piece.step == nearest
    assert piece.frame["boxes"].shape == (12, 4)
    assert repr(piece) == "TrainingReplay: " + describe_frame(piece.data, 0, piece.index)
    piece.set_state({"scene": 7, "index": 10**6})
    assert (piece.scene, piece.step) == (1, steps[-1])
    piece.set_state({"scene": -1, "index": -3})
    assert (piece.scene, piece.step) == (0, 0)
    with pytest.raises(TraitError):
        piece.set_state({"index": None})
    piece.reset()
    assert piece.step == nearest


def test_helpers_finds_the_owners_that_the_page_shows(recording):
    piece = TrainingReplay(recording, scenes=4)
    places = [(scene, index) for scene in range(4) for index in (0, 20, len(recording["step"]) - 1)]
    unpacked = [[scene, len(piece.data["steps"]), piece.data["tokens"]] for scene in piece.data["scenes"]]
    pages = call_page(TrainingReplay, "unpackScene", unpacked)
    shown = call_page(TrainingReplay, "frameNumbers", [[pages[scene], index] for scene, index in places])
    for (scene, index), page in zip(places, shown):
        piece.set_state({"scene": scene, "index": index})
        assert piece.checked["state"] == {"scene": scene, "index": index}
        np.testing.assert_allclose(page, piece.checked["values"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("last", [100, 16_000, 36_000, 100_000])
def test_ticks_follow_from_the_recording(last):
    ticks = ticks_up_to(last)
    assert (ticks[0], ticks[-1]) == (0, last)
    assert ticks == sorted(set(ticks))
    assert 3 <= len(ticks) <= 12


@pytest.mark.parametrize("scene", range(8))
def test_a_static_figure_shows_the_same_state(recording, scene):
    from matplotlib import pyplot

    figure = TrainingReplay(recording, scene=scene, step=1000).figure()
    figure.canvas.draw()
    pyplot.close(figure)


def test_refusals_name_the_cure(recording, tmp_path):
    with pytest.raises(ValueError, match="some of play, scrub, scene, idle, tokens"):
        TrainingReplay(recording, controls=["rewind"])
    with pytest.raises(ValueError, match=r"scenes is 9; the recording holds 1 to 8\."):
        TrainingReplay(recording, scenes=9)
    with pytest.raises(FileNotFoundError, match="is not there; give the path"):
        TrainingReplay(tmp_path / "nothing.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is not a recording, or is cut short"):
        TrainingReplay(tmp_path / "cut.npz")


def test_tokens_are_told_apart_by_colour_and_letter(data):
    assert len(set(data["colours"])) == 12
    assert len(set(replay.LETTERS[:12])) == 12


@pytest.mark.skipif(not replay.SHIPPED.is_file(), reason="the shipped recording is not there yet")
def test_the_shipped_recording_plays():
    piece = TrainingReplay()
    assert piece.step == 0
    assert piece.data["scenes"][0]["labels"] == [3, 1, 4, 1, 5]
    assert len(json.dumps(piece.data)) < 250_000
