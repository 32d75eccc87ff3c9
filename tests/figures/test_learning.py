import pytest
import torch

from helpers.figures.learning import names_and_boxes


def test_names_and_boxes_follow_the_match_over_all_images():
    """Two images: in the first one name of two is right and one box of two; the second holds nothing."""
    logits = torch.tensor([[[9.0, 0, 0], [9, 0, 0], [0, 9, 99]], [[0.0, 0, 9]] * 3])  # K = 2, the last is no object
    boxes = torch.tensor([[[0.2, 0.2, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2]]] * 2)
    targets = [
        {"class_labels": torch.tensor([1, 1]), "boxes": torch.tensor([[0.8, 0.8, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]])},
        {"class_labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)},
    ]
    nobody = torch.zeros(0, dtype=torch.int64)
    pairs = [(torch.tensor([0, 2]), torch.tensor([1, 0])), (nobody, nobody)]
    names, overlap = names_and_boxes({"logits": logits, "pred_boxes": boxes}, targets, pairs)
    assert names == 0.5  # guess 2 says 1, whatever its "no object"; guess 0 says 0
    assert overlap == pytest.approx(0.5)  # IoU 1 and 0
