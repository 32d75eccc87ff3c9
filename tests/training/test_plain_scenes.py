import numpy as np
import pytest

from helpers.scenes import HandwrittenScenes, running_example
from helpers.training.arrays import SceneArrays
from helpers.training.plain_scenes import PLAIN_SIZE, PlainScenes, make_plain
from helpers.training.recipe import Recipe, build_image_processor


def test_the_same_digits_in_the_same_places_at_half_the_size():
    plain, coloured = PlainScenes("test", 5, seed=3), HandwrittenScenes("test", 5, seed=3)
    for (image, annotation), (_, original) in zip(plain, coloured):
        assert image.size == (PLAIN_SIZE, PLAIN_SIZE)
        for small, large in zip(annotation["annotations"], original["annotations"], strict=True):
            assert small["category_id"] == large["category_id"]
            assert small["bbox"] == [value / 2 for value in large["bbox"]]


def test_ink_is_white_inside_the_boxes_and_nowhere_else():
    image, annotation = make_plain(*running_example())
    ink = np.asarray(image)[..., 0].astype(float)
    outside = ink.copy()
    for thing in annotation["annotations"]:
        x, y, width, height = thing["bbox"]
        area = slice(int(y), int(np.ceil(y + height))), slice(int(x), int(np.ceil(x + width)))
        assert ink[area].max() == 255
        outside[area] = 0
    assert outside.max() == 0


def test_a_scene_without_annotations_gets_a_sentence():
    image, annotation = HandwrittenScenes("test", 1, seed=0)[0]
    for make in (lambda scene: make_plain(*scene), lambda scene: SceneArrays([scene])):
        with pytest.raises(ValueError, match=r'annotation is .*; make it a dict whose "annotations" are'):
            make((image, {"image_id": annotation["image_id"]}))
    with pytest.raises(TypeError, match=r"scenes\[0\] is <PIL.Image.*; make it a pair"):
        SceneArrays([image])


def test_the_arrays_are_what_the_image_processor_makes():
    recipe = Recipe(plain=True)
    scenes = recipe.build_scenes("test", 3, seed=0, objects=(1, 3))
    arrays = SceneArrays(scenes)
    images, annotations = zip(*(scenes[i] for i in range(3)))
    batch = build_image_processor(recipe)(list(images), list(annotations), return_tensors="pt")
    ours = arrays.pixel_values(range(3), *recipe.normalization)
    assert np.allclose(batch["pixel_values"], ours, atol=1e-5)
    for target, label in zip(arrays.targets(range(3)), batch["labels"]):
        assert np.allclose(target["boxes"], label["boxes"], atol=1e-6)
        assert target["class_labels"].tolist() == label["class_labels"].tolist()
