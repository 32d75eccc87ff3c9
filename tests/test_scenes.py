import numpy as np
import pytest
from pycocotools import mask as coco_masks

from helpers.scenes import (
    IMAGE_SIZE,
    LARGEST_OVERLAP,
    MAX_OBJECTS,
    HandwrittenScenes,
    digit_images,
    run_length_code,
    running_example,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
SCENES = HandwrittenScenes("test", 40, seed=3)


def decoded(annotation):
    code = annotation["segmentation"]
    return coco_masks.decode(coco_masks.frPyObjects(code, *code["size"])).astype(bool)


@pytest.fixture(scope="module")
def annotations():
    return [SCENES[index][1] for index in range(len(SCENES))]


def test_a_scene_follows_from_seed_and_index_alone():
    image, annotation = SCENES[7]
    for again in (SCENES[7], HandwrittenScenes("test", 8, seed=3)[7]):
        assert np.array_equal(again[0], image)
        assert again[1] == annotation
    for other in (SCENES[8], HandwrittenScenes("test", 40, seed=4)[7], HandwrittenScenes("train", 40, seed=3)[7]):
        assert not np.array_equal(other[0], image)


def test_an_image(annotations):
    image, _ = SCENES[0]
    assert image.size == (IMAGE_SIZE, IMAGE_SIZE)
    assert image.mode == "RGB"
    counts = [len(annotation["annotations"]) for annotation in annotations]
    assert min(counts) == 0
    assert max(counts) == MAX_OBJECTS
    assert [annotation["image_id"] for annotation in annotations] == list(range(40))


def test_objects_can_be_asked_for():
    scenes = HandwrittenScenes("train", 5, seed=0, objects=(1, 1))
    assert [len(scenes[index][1]["annotations"]) for index in range(5)] == [1] * 5


def test_ids_start_at_one(annotations):
    # pycocotools takes id 0 for "no match" and loses the object.
    for annotation in annotations:
        assert [thing["id"] for thing in annotation["annotations"]] == list(
            range(1, len(annotation["annotations"]) + 1)
        )


def test_boxes_are_tight_and_masks_agree_with_pycocotools(annotations):
    for annotation in annotations:
        for thing in annotation["annotations"]:
            mask = decoded(thing)
            assert mask.shape == (IMAGE_SIZE, IMAGE_SIZE)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            left, top, width, height = thing["bbox"]
            assert (left, top) == (columns[0], rows[0])
            assert (width, height) == (columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0])
            assert thing["area"] == mask.sum()
            code = coco_masks.frPyObjects(thing["segmentation"], IMAGE_SIZE, IMAGE_SIZE)
            assert coco_masks.toBbox(code).tolist() == thing["bbox"]
            assert coco_masks.area(code) == thing["area"]
            assert thing["iscrowd"] == 0


def test_digits_hardly_overlap(annotations):
    for annotation in annotations:
        boxes = [thing["bbox"] for thing in annotation["annotations"]]
        for place, (x1, y1, w1, h1) in enumerate(boxes):
            for x2, y2, w2, h2 in boxes[:place]:
                shared = min(x1 + w1, x2 + w2) - max(x1, x2), min(y1 + h1, y2 + h2) - max(y1, y2)
                assert min(shared) <= LARGEST_OVERLAP


def test_ink_differs_from_its_ground(annotations):
    for index, annotation in enumerate(annotations):
        pixels = np.asarray(SCENES[index][0], dtype=float)
        ink = np.zeros((IMAGE_SIZE, IMAGE_SIZE), bool)
        for thing in annotation["annotations"]:
            ink |= decoded(thing)
        for thing in annotation["annotations"]:
            assert np.abs(pixels[decoded(thing)].mean(0) - pixels[~ink].mean(0)).max() > 60


def test_splits_share_no_image():
    train, test = digit_images("train")[0], digit_images("test")[0]
    assert (len(train), len(test)) == (1400, 397)
    assert not {glyph.tobytes() for glyph in train} & {glyph.tobytes() for glyph in test}


def test_running_example_is_3_1_4_1_5():
    image, annotation = running_example()
    assert [thing["category_id"] for thing in annotation["annotations"]] == [3, 1, 4, 1, 5]
    assert np.array_equal(image, running_example()[0])


def test_run_length_code_of_edge_cases():
    for mask in (np.zeros((3, 4), bool), np.ones((3, 4), bool), np.eye(4, dtype=bool)):
        code = run_length_code(mask)
        assert sum(code["counts"]) == mask.size
        assert np.array_equal(decoded({"segmentation": code}), mask)


def test_bad_input():
    with pytest.raises(ValueError, match=r"split is 'validation'; use one of \['test', 'train'\]"):
        HandwrittenScenes("validation")
    with pytest.raises(IndexError, match="scene 40 of 40"):
        SCENES[40]
    assert len(list(HandwrittenScenes("test", 2))) == 2  # so that a for loop ends
