"""Batches for the tests, and the reference's matcher and criterion beside ours."""

import contextlib

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from transformers.loss.loss_for_object_detection import HungarianMatcher as ReferenceMatcher
from transformers.loss.loss_for_object_detection import ImageLoss

NUM_CLASSES = 5
# The same examples in every run, however slow the machine.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("steady")


@st.composite
def batches(draw, max_images=4, max_predictions=20, max_extra=3, dtype=torch.float32):
    """Outputs and targets: B 1..4, N 1..20, T 0..N+3, box sides at least 0.05."""
    num_images = draw(st.integers(1, max_images))
    num_predictions = draw(st.integers(1, max_predictions))
    sizes = draw(
        st.lists(st.integers(0, num_predictions + max_extra), min_size=num_images, max_size=num_images), label="T"
    )
    return make_batch(sizes, num_predictions, seed=draw(st.integers(0, 2**32)), dtype=dtype)


def make_batch(sizes, num_predictions=6, num_classes=NUM_CLASSES, seed=0, dtype=torch.float32):
    """Outputs that require gradients, and targets with T as in `sizes`."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(len(sizes), num_predictions, num_classes + 1, generator=generator, dtype=dtype)
    pred_boxes = make_boxes(len(sizes), num_predictions, generator=generator, dtype=dtype)
    outputs = {"logits": logits.requires_grad_(), "pred_boxes": pred_boxes.requires_grad_()}
    targets = [
        {
            "class_labels": torch.randint(num_classes, (size,), generator=generator),
            "boxes": make_boxes(size, generator=generator, dtype=dtype),
        }
        for size in sizes
    ]
    return outputs, targets


def make_boxes(*shape, generator, dtype=torch.float32):
    """Normalised centre boxes inside the image, sides at least 0.05: (*shape, 4)."""
    sides = 0.05 + 0.45 * torch.rand(*shape, 2, generator=generator, dtype=dtype)
    center = sides / 2 + (1 - sides) * torch.rand(*shape, 2, generator=generator, dtype=dtype)
    return torch.cat([center, sides], dim=-1)


def reference_criterion(num_classes=NUM_CLASSES, eos_coef=0.1, losses=("labels", "boxes", "cardinality"), matcher=None):
    """transformers' criterion, with our defaults."""
    return ImageLoss(matcher or ReferenceMatcher(1, 5, 2), num_classes, eos_coef, losses)


def recorded(indices):
    """A matcher that answers what it was given."""
    return lambda outputs, targets: indices


def in_float64(criterion):
    """Let a reference criterion compute in float64: it keeps its class weights, 0.1 among them, in float32."""
    criterion.empty_weight = criterion.empty_weight.double()
    criterion.empty_weight[-1] = criterion.eos_coef
    return criterion


def gradients(total, outputs):
    """The gradient of a scalar for each of the outputs."""
    names = [name for name, value in outputs.items() if isinstance(value, torch.Tensor)]
    return dict(zip(names, torch.autograd.grad(total, [outputs[name] for name in names], allow_unused=True)))


def total_cost(matrix, pair):
    prediction, target = pair
    return float(matrix[prediction, target].double().sum())


def pairs_of(match):
    return [list(zip(prediction.tolist(), target.tolist())) for prediction, target in match]


@contextlib.contextmanager
def reference_still(fault):
    """Around asserts on a fault of transformers. One that fails says: it was mended, and the notebook is outdated."""
    try:
        yield
    except (Exception, pytest.fail.Exception) as error:
        raise AssertionError(f"the reference no longer does this: update the notebook ({fault})") from error


def agree(model, loss_function, pixel_values, labels):
    """The model's own loss, and ours in its place: the loss, its terms, and every gradient. Returns both."""
    theirs = model(pixel_values=pixel_values, labels=labels)
    theirs.loss.backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    model.loss_function = loss_function
    ours = model(pixel_values=pixel_values, labels=labels)
    ours.loss.backward()
    assert ours.loss.item() == pytest.approx(theirs.loss.item(), rel=1e-5)
    assert ours.loss_dict.keys() == theirs.loss_dict.keys()
    for name, value in ours.loss_dict.items():
        assert value.item() == pytest.approx(theirs.loss_dict[name].item(), rel=1e-5, abs=1e-6), name
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, weight in model.named_parameters():
        if name in expected:
            assert (weight.grad - expected[name]).abs().max() < 1e-4 * largest, name
    return ours, theirs
