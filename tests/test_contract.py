import pytest
import torch

from helpers.contract import count_images, flatten_targets, locate

EMPTY = {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)}


def target(labels=(1, 2), boxes=((0.5, 0.5, 0.2, 0.2), (0.3, 0.3, 0.1, 0.1))):
    boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return {"class_labels": torch.tensor(labels, dtype=torch.int64), "boxes": boxes}


def test_flatten_joins_in_order_and_ignores_box_values():
    labels, boxes, sizes = flatten_targets([target(), EMPTY, target([3], [(9.0, 9.0, float("nan"), -1.0)])], 10)
    assert labels.tolist() == [1, 2, 3]
    assert boxes.shape == (3, 4)
    assert sizes == [2, 0, 1]


def test_count_and_locate():
    assert count_images([EMPTY, EMPTY]) == 2
    assert [locate(row, [2, 0, 1]) for row in range(3)] == [(0, 0), (0, 1), (2, 0)]
    with pytest.raises(IndexError):
        locate(3, [2, 0, 1])
