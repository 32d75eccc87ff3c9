import importlib.util
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import validate_targets
from helpers.scenes import HandwrittenScenes
from helpers.training.arrays import SceneArrays, drawing_code
from helpers.training.recipe import IMAGE_MEAN, IMAGE_STD, build_image_processor

SCENES = HandwrittenScenes("test", 12, seed=5)


def test_arrays_equal_what_the_image_processor_of_transformers_makes():
    processor, arrays = build_image_processor(), SceneArrays(SCENES)
    assert len(arrays) == 12
    pixel_values, targets = arrays.pixel_values(range(12), IMAGE_MEAN, IMAGE_STD), arrays.targets(range(12))
    assert pixel_values.shape == (12, 3, 128, 128)
    assert pixel_values.is_contiguous()
    for index in range(12):
        image, annotation = SCENES[index]
        made = processor(images=image, annotations=annotation, return_tensors="pt")
        assert torch.allclose(pixel_values[index], made["pixel_values"][0], atol=1e-5)
        expected = made["labels"][0]
        assert targets[index]["class_labels"].tolist() == expected["class_labels"].tolist()
        assert torch.allclose(targets[index]["boxes"], expected["boxes"].float().reshape(-1, 4), atol=1e-6)
    validate_targets(targets, num_classes=10)
    assert any(len(target["class_labels"]) == 0 for target in targets)


def test_kept_on_disk_they_are_the_same_and_read_again(tmp_path):
    in_memory = SceneArrays(SCENES)
    for _ in range(2):
        arrays = SceneArrays(SCENES, tmp_path / "data")
        for name in ("images", "labels", "boxes", "counts"):
            assert np.array_equal(getattr(arrays, name), getattr(in_memory, name))
    files = sorted(path.name for path in (tmp_path / "data").iterdir())
    name = f"scenes-test-5-12-0to6-{drawing_code(HandwrittenScenes)}"
    assert files == [f"{name}.npy", f"{name}.npz"]
    for path in (tmp_path / "data").iterdir():
        with np.errstate(all="raise"):
            np.load(path, allow_pickle=False)


def test_targets_are_copies():
    arrays = SceneArrays(SCENES)
    image = int(arrays.counts.argmax())
    arrays.targets([image])[0]["boxes"].zero_()
    assert arrays.boxes[image].any()


def test_other_scenes_have_other_files(tmp_path):
    SceneArrays(HandwrittenScenes("test", 2, seed=0), tmp_path)
    SceneArrays(HandwrittenScenes("test", 2, seed=0, objects=(1, 1)), tmp_path)
    SceneArrays(HandwrittenScenes("train", 2, seed=0), tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 3


def module_of(path, code):
    """A module of this code, imported anew."""
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("scenes_of_a_test", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    importlib.invalidate_caches()
    return module


CODE = """
from PIL import Image

from helpers.scenes import HandwrittenScenes


def paint(shade):
    return Image.new("RGB", (128, 128), (shade, 0, 0))  # a comment


class Painted(HandwrittenScenes):
    def __getitem__(self, index):
        return paint(100), {"annotations": []}
"""


def test_scenes_drawn_by_other_code_are_rendered_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.training.arrays.ProcessPoolExecutor", OneProcess)
    shades, names = [], []
    for number, code in enumerate((CODE, CODE.replace("a comment", "another"), CODE.replace("100", "200"))):
        painted = module_of(tmp_path / f"scenes_{number}.py", code).Painted
        shades.append(SceneArrays(painted("test", 2), tmp_path / "data").images[0, 0, 0, 0])
        names.append(drawing_code(painted))
    assert shades == [100, 100, 200]
    assert names[0] == names[1] != names[2]


class OneProcess:
    """Stands in for a pool of processes, which would not know a module made here."""

    map = staticmethod(map)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_code_that_cannot_be_read_cannot_be_kept_on_disk(tmp_path):
    made = type("Made", (HandwrittenScenes,), {"__module__": "builtins"})
    with pytest.raises(ValueError, match=r"The code of Made cannot be read.*in memory"):
        SceneArrays(made("test", 2), tmp_path)
    assert len(SceneArrays(made("test", 2))) == 2


def full_scene(count, size=(64, 64), mode="RGB"):
    return Image.new(mode, size), {"annotations": [{"category_id": i, "bbox": [i, i, 5, 5]} for i in range(count)]}


def test_seven_objects_find_room():
    arrays = SceneArrays([full_scene(7), full_scene(2), full_scene(0)])
    assert (arrays.labels.shape, arrays.boxes.shape) == ((3, 7), (3, 7, 4))
    assert [target["class_labels"].tolist() for target in arrays.targets(range(3))] == [[*range(7)], [0, 1], []]


def test_more_objects_than_usual_find_room_on_disk_too(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.training.arrays.CHUNK", 5)  # parts of different widths
    scenes = HandwrittenScenes("test", 20, seed=3, objects=(0, 12))
    arrays = SceneArrays(scenes, tmp_path)
    assert arrays.counts.max() > 6
    for ours, (_, annotation) in zip(arrays.targets(range(20)), (scenes[i] for i in range(20))):
        assert ours["class_labels"].tolist() == [thing["category_id"] for thing in annotation["annotations"]]


def test_grey_scenes_are_read_as_rgb():
    assert SceneArrays([full_scene(1, mode="L")]).images.shape == (1, 64, 64, 3)


@pytest.mark.parametrize("other", [(64, 32), (32, 64), (128, 128)])
def test_scenes_of_two_sizes_get_a_sentence(other):
    with pytest.raises(ValueError, match=rf"Scene 1 is {other[0]} x {other[1]} and scene 0 is 64 x 64; give one size"):
        SceneArrays([full_scene(1), full_scene(1, other)])


def test_no_scenes_get_a_sentence():
    with pytest.raises(ValueError, match="There are no scenes"):
        SceneArrays([])
