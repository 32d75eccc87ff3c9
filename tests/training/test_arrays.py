import numpy as np
import torch

from helpers import validate_targets
from helpers.scenes import HandwrittenScenes
from helpers.training.arrays import SceneArrays
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
    assert files == ["scenes-test-5-12-0to6.npy", "scenes-test-5-12-0to6.npz"]
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
