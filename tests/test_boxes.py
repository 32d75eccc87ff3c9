import itertools

import pytest
import torch
from batches import make_boxes
from hypothesis import given
from hypothesis import strategies as st
from transformers.image_transforms import center_to_corners_format, corners_to_center_format
from transformers.loss import loss_for_object_detection as reference

from helpers.boxes import (
    SMALLEST_SIDE,
    box_area,
    box_iou,
    center_to_corners,
    corners_to_center,
    generalized_box_iou,
)

seeds = st.integers(0, 2**32)


def corner_boxes(*shape, seed=0, dtype=torch.float32):
    return center_to_corners(make_boxes(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype))


@given(seeds)
def test_formats_equal_the_reference_and_undo_each_other(seed):
    boxes = make_boxes(3, 7, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(center_to_corners(boxes), center_to_corners_format(boxes))
    assert torch.allclose(corners_to_center(boxes), corners_to_center_format(boxes))
    assert torch.allclose(corners_to_center(center_to_corners(boxes)), boxes, atol=1e-6)


@given(seeds, st.sampled_from([(torch.float32, 1e-6), (torch.float64, 1e-13)]))
def test_overlaps_equal_the_reference(seed, precision):
    dtype, tolerance = precision
    a, b = corner_boxes(6, seed=seed, dtype=dtype), corner_boxes(4, seed=seed + 1, dtype=dtype)
    iou, _ = reference.box_iou(a, b)
    assert torch.allclose(box_iou(a[:, None], b), iou, atol=tolerance, rtol=0)
    giou = reference.generalized_box_iou(a, b)
    assert torch.allclose(generalized_box_iou(a[:, None], b), giou, atol=tolerance, rtol=0)
    assert torch.allclose(box_area(a), reference.box_area(a), atol=tolerance, rtol=0)


@given(seeds)
def test_properties(seed):
    a, b = corner_boxes(9, seed=seed), corner_boxes(9, seed=seed + 1)
    iou, giou = box_iou(a, b), generalized_box_iou(a, b)
    assert ((iou >= 0) & (iou <= 1)).all()
    assert ((giou > -1) & (giou <= iou + 1e-6)).all()
    assert torch.equal(iou, box_iou(b, a))
    assert torch.equal(giou, generalized_box_iou(b, a))
    assert torch.allclose(box_iou(a, a), torch.ones(9))
    assert torch.allclose(generalized_box_iou(a, a), torch.ones(9))


def test_one_function_serves_pairs_and_matrices():
    a, b = corner_boxes(5), corner_boxes(5, seed=1)
    matrix = generalized_box_iou(a[:, None], b)
    assert matrix.shape == (5, 5)
    assert torch.equal(generalized_box_iou(a, b), matrix.diagonal())
    assert generalized_box_iou(a[0], b[0]).shape == ()
    assert generalized_box_iou(a[:0, None], b).shape == (0, 5)


def test_by_hand():
    # a is 0.4 x 0.4 = 0.16, b is 0.4 x 0.2 = 0.08; they share 0.2 x 0.2 = 0.04; hull 0.6 x 0.4 = 0.24.
    a, b = torch.tensor([0.0, 0.0, 0.4, 0.4]), torch.tensor([0.2, 0.0, 0.6, 0.2])
    # IoU = 0.04 / (0.16 + 0.08 - 0.04) = 0.2; GIoU = 0.2 - (0.24 - 0.20) / 0.24 = 0.2 - 1/6.
    assert float(box_iou(a, b)) == pytest.approx(0.2)
    assert float(generalized_box_iou(a, b)) == pytest.approx(0.2 - 1 / 6)


DEGENERATE = {
    "a point": [0.5, 0.5, 0.0, 0.0],
    "another point": [0.2, 0.3, 0.0, 0.0],
    "an upright line": [0.5, 0.5, 0.0, 0.4],
    "a level line": [0.5, 0.5, 0.4, 0.0],
    "inside out": [0.5, 0.5, -0.2, -0.2],
    "thinner than float32 can tell": [0.5, 0.5, 1e-12, 0.5],
    "tiny": [0.5, 0.5, 1e-5, 1e-5],
    "regular": [0.5, 0.5, 0.3, 0.3],
}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(DEGENERATE, repeat=2)))
def test_degenerate_boxes_have_finite_overlaps_and_bounded_gradients(first, second):
    a, b = (torch.tensor(DEGENERATE[name], requires_grad=True) for name in (first, second))
    for overlap in (box_iou, generalized_box_iou):
        value = overlap(center_to_corners(a), center_to_corners(b))
        assert -1 <= value.item() <= 1 + 1e-6
        for gradient in torch.autograd.grad(value, [a, b]):
            assert gradient.isfinite().all()
            assert gradient.abs().max() <= 4 / SMALLEST_SIDE


@pytest.mark.parametrize("side", [1e-2, 1e-3, 1e-4])
def test_small_boxes_keep_their_overlap_to_the_last_digit(side):
    a = torch.tensor([[0.25, 0.25, 0.25 + side, 0.25 + side]], dtype=torch.float64)
    b = a + side / 3
    exact = reference.generalized_box_iou(a, b)[0]
    assert torch.allclose(generalized_box_iou(a, b), exact, rtol=1e-12, atol=0)


def test_nan_gives_nan_and_no_error():
    a = torch.tensor([[float("nan"), 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    giou = generalized_box_iou(a, torch.tensor([0.0, 0.0, 1.0, 1.0]))
    assert giou.isnan().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    boxes = corner_boxes(4).to(dtype)
    assert box_area(boxes).dtype == box_iou(boxes, boxes).dtype == generalized_box_iou(boxes, boxes).dtype
    assert box_area(boxes).dtype == torch.float32
    assert center_to_corners(boxes).dtype == dtype


def test_float64_stays():
    boxes = corner_boxes(4, dtype=torch.float64)
    assert generalized_box_iou(boxes, boxes).dtype == torch.float64


def test_gradients_against_finite_differences():
    a, b = corner_boxes(5, dtype=torch.float64).requires_grad_(), corner_boxes(5, seed=1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda boxes: generalized_box_iou(boxes, b), [a])


@pytest.mark.parametrize("convert", [center_to_corners, corners_to_center])
@pytest.mark.parametrize("shape", [(2, 6), (2, 2), ()])
def test_boxes_have_four_numbers(convert, shape):
    with pytest.raises(ValueError, match=r"boxes has shape .*; make it \(\.\.\., 4\)"):
        convert(torch.rand(shape))
