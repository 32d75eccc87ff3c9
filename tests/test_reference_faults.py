"""Where transformers' loss goes wrong and ours does not: one test per fault.

Each shows the fault in the reference too. When a release mends one, its test says so, and the notebook that shows it
needs new words.
"""

import warnings

import pytest
import torch
from batches import (
    NUM_CLASSES,
    ReferenceMatcher,
    gradients,
    make_batch,
    reference_criterion,
    reference_still,
)
from scipy.optimize import linear_sum_assignment
from transformers.image_transforms import center_to_corners_format
from transformers.loss import loss_for_object_detection as reference

from helpers import HungarianMatcher, SetCriterion, center_to_corners, generalized_box_iou, validate_targets
from helpers.detector import detection_outputs
from helpers.meters import HostReads
from helpers.training.processes import free_port

THEIRS = ReferenceMatcher(1, 5, 2)


def criterion(**options):
    return SetCriterion(HungarianMatcher(), NUM_CLASSES, **options)


def did_not_raise():
    with pytest.raises(ZeroDivisionError):
        pass


@pytest.mark.parametrize("wrong", [did_not_raise, lambda: 1 / 0])
def test_a_mended_fault_speaks_up(wrong):
    with pytest.raises(AssertionError, match="no longer does this: update the notebook"), reference_still("..."):
        wrong()


def count_elements(monkeypatch, name, run):
    """The elements that a torch function returns in all, while `run` runs."""
    original, counts = getattr(torch, name), []

    def counting(*arguments, **options):
        result = original(*arguments, **options)
        counts.append(result.numel())
        return result

    with monkeypatch.context() as patch:
        patch.setattr(torch, name, counting)
        run()
    return sum(counts)


def test_auxiliary_losses_of_yolos():
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
    config = YolosConfig(
        **sizes, image_size=[32, 32], patch_size=16, num_detection_tokens=6, num_labels=NUM_CLASSES, auxiliary_loss=True
    )
    model, (_, targets) = YolosForObjectDetection(config).eval(), make_batch([2, 1])
    pixel_values = torch.rand(2, 3, 32, 32)
    with reference_still("YOLOS with auxiliary_loss=True breaks"):
        for options in ({}, {"output_hidden_states": True}):
            with pytest.raises((TypeError, AttributeError)):
                model(pixel_values=pixel_values, labels=targets, **options)

    outputs = detection_outputs(model, pixel_values)
    assert len(outputs["auxiliary_outputs"]) == 2
    last = model(pixel_values=pixel_values)
    assert torch.allclose(outputs["logits"], last.logits, atol=1e-6)
    losses = criterion()(outputs, targets)
    weighted = sum(
        weight * losses[name + layer]
        for name, weight in (("loss_ce", 1), ("loss_bbox", 5), ("loss_giou", 2))
        for layer in ("", "_0", "_1")
    )
    assert criterion().total(losses).item() == pytest.approx(weighted.item())
    weighted.backward()
    assert all(layer.attention.attention.query.weight.grad.abs().sum() > 0 for layer in layers_of(model))


def layers_of(model):
    return model.vit.encoder.layer


def test_nan_boxes():
    outputs, targets = make_batch([3], num_predictions=5)
    outputs["pred_boxes"].data[0, 2] = float("nan")
    with reference_still("NaN boxes raise inside generalized_box_iou"), pytest.raises(ValueError, match="corner"):
        THEIRS(outputs, targets)

    with pytest.warns(UserWarning, match="3 of 15 pairs have a cost that is not finite"):
        prediction, target = HungarianMatcher()(outputs, targets)[0]
    assert 2 not in prediction
    assert sorted(target.tolist()) == [0, 1, 2]


def test_nan_logits():
    outputs, targets = make_batch([3], num_predictions=5)
    outputs["logits"].data[0, 2] = float("nan")
    with reference_still("NaN logits reach the guard and pass in silence"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 2 not in THEIRS(outputs, targets)[0][0]
        assert reference_criterion()(outputs, targets)["loss_ce"].isnan()
    with pytest.warns(UserWarning, match="3 of 15 pairs have a cost that is not finite"):
        assert 2 not in HungarianMatcher()(outputs, targets)[0][0]

    outputs["logits"].data[:] = float("nan")
    with reference_still("all NaN are matched in the order of the list, in silence"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [index.tolist() for index in THEIRS(outputs, targets)[0]] == [[0, 1, 2], [0, 1, 2]]
    with pytest.warns(UserWarning, match="15 of 15 pairs have a cost that is not finite"):
        HungarianMatcher()(outputs, targets)


@pytest.mark.parametrize(("targets_per_image", "harm"), [(20, True), (19, False)])  # one spare guess is enough
def test_the_sentinel_for_invalid_pairs(targets_per_image, harm):
    outputs, targets = make_batch([targets_per_image] * 100, num_predictions=20)
    costs = [cost["total"].detach().double().numpy() for cost in HungarianMatcher().cost_matrices(outputs, targets)]
    outputs["logits"].data[:, 0] = float("nan")
    dearer = {"reference": 0, "ours": 0}
    for name, match in (("reference", THEIRS), ("ours", HungarianMatcher())):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            pairs = match(outputs, targets)
        for cost, pair in zip(costs, pairs, strict=True):
            valid = cost.copy()
            valid[0] = 0 if targets_per_image == 20 else 1000  # guess 0 is paired if it must be, at one price for all
            dearer[name] += valid[pair[0], pair[1]].sum() > valid[linear_sum_assignment(valid)].sum() + 1e-5
    if harm:
        with reference_still("the sentinel finfo.max eats the solver's digits"):
            assert dearer["reference"] >= 1
            assert "finfo(" in source_of(THEIRS.forward)
    else:
        assert dearer["reference"] == 0
    assert dearer["ours"] == 0


def test_target_boxes_that_are_not_finite():
    outputs, targets = make_batch([20] * 100, num_predictions=20)
    costs = [cost["total"].detach().double().numpy() for cost in HungarianMatcher().cost_matrices(outputs, targets)]
    for target in targets:
        target["boxes"][0, 0] = float("nan")
    with reference_still("NaN targets raise inside generalized_box_iou"), pytest.raises(ValueError, match="boxes2"):
        THEIRS(outputs, targets)

    for target in targets:
        target["boxes"][0, 0] = float("inf")
    dearer = 0
    with reference_still("infinite targets pass the check on corners, and the sentinel spoils most matches"):
        for cost, pair in zip(costs, THEIRS(outputs, targets), strict=True):
            cost[:, 0] = 0  # all guesses pay the same for this target
            dearer += cost[pair[0], pair[1]].sum() > cost[linear_sum_assignment(cost)].sum() + 1e-5
        assert dearer > 80
    with pytest.warns(UserWarning, match="have a cost that is not finite"):
        pairs = HungarianMatcher()(outputs, targets)
    for cost, pair in zip(costs, pairs, strict=True):
        assert cost[pair[0], pair[1]].sum() == pytest.approx(cost[linear_sum_assignment(cost)].sum(), abs=1e-5)


def source_of(function):
    import inspect

    return inspect.getsource(inspect.unwrap(function))


def one_process(rank, port, answers):
    import os

    from accelerate import PartialState

    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    PartialState(cpu=True, backend="gloo")
    outputs, targets = make_batch([(2, 10)[rank]], num_predictions=12)
    losses = {}
    for name, loss in (("ours", criterion()), ("reference", reference_criterion())):
        losses[name] = loss(outputs, targets)["loss_bbox"].item()
    alone = criterion()(outputs, targets, num_boxes=1)["loss_bbox"].item()
    answers.put({name: alone / loss for name, loss in losses.items()})
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_num_boxes_under_accelerate():
    # Two processes with 2 and 10 objects: 6 on average. Each divides its sum by what it holds for num_boxes.
    context = torch.multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    spawned = torch.multiprocessing.spawn(one_process, (free_port(), answers), nprocs=2, join=False)
    found = [answers.get() for _ in range(2)]
    while not spawned.join():
        pass
    with reference_still("num_boxes is divided by the number of processes twice"):
        assert [answer["reference"] for answer in found] == pytest.approx([3.0, 3.0], rel=1e-4)
    assert [answer["ours"] for answer in found] == pytest.approx([6.0, 6.0], rel=1e-4)


def test_more_targets_than_predictions():
    outputs, targets = make_batch([5], num_predictions=3)
    with reference_still("targets beyond the predictions are dropped in silence"), warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs = reference_criterion()(outputs, targets)
    with pytest.warns(UserWarning, match="2 targets have no prediction left"):
        ours = criterion()(outputs, targets)
    for name in ours:  # the same number, for parity: divided by all five
        assert ours[name].item() == pytest.approx(theirs[name].item(), rel=1e-5)


def test_coincident_boxes_without_area():
    outputs, targets = make_batch([1], num_predictions=1)
    outputs["pred_boxes"].data[0, 0] = targets[0]["boxes"][0] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    corners = center_to_corners_format(targets[0]["boxes"])
    with reference_still("two boxes without area have GIoU NaN"):
        assert reference.generalized_box_iou(corners, corners).isnan().all()
        assert reference_criterion(matcher=lambda *_: [(torch.tensor([0]),) * 2])(outputs, targets)["loss_giou"].isnan()

    losses = criterion()(outputs, targets)
    assert 0 <= losses["loss_giou"].item() <= 2
    assert gradients(losses["loss_giou"], outputs)["pred_boxes"].isfinite().all()


def with_labels(targets, labels):
    return [{**targets[0], "class_labels": torch.tensor(labels, dtype=torch.int64)}]


def test_label_minus_one():
    outputs, targets = make_batch([2])
    wrong = with_labels(targets, [-1, 2])
    with reference_still("label -1 is matched on no-object and crashes later"):
        assert len(THEIRS(outputs, wrong)[0][0]) == 2
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            reference_criterion()(outputs, wrong)
    for check in complaints(outputs, wrong):
        with pytest.raises(ValueError, match=r'targets\[0\]\["class_labels"\]\[0\] is -1: use 0 to 4'):
            check()


def test_label_minus_hundred():
    outputs, targets = make_batch([1])
    wrong = with_labels(targets, [-100])
    match = [(torch.tensor([0]), torch.tensor([0]))]
    with reference_still("label -100 is ignored in silence"):
        assert reference_criterion(matcher=lambda *_: match)(outputs, wrong)["loss_ce"].isfinite()
    for check in complaints(outputs, wrong):
        with pytest.raises(ValueError, match=r'targets\[0\]\["class_labels"\]\[0\] is -100'):
            check()


def test_labels_in_int32():
    outputs, targets = make_batch([2])
    wrong = [{**targets[0], "class_labels": targets[0]["class_labels"].int()}]
    with reference_still("int32 labels raise without naming the field"):
        with pytest.raises((IndexError, RuntimeError, ValueError)) as raised:
            reference_criterion()(outputs, wrong)
        assert "class_labels" not in str(raised.value)
    for check in complaints(outputs, wrong):
        with pytest.raises(TypeError, match=r'targets\[0\]\["class_labels"\] is torch.int32; make it torch.int64'):
            check()


def test_boxes_in_another_precision():
    outputs, targets = make_batch([2])
    mixed = [{**targets[0], "boxes": targets[0]["boxes"].double()}]
    with reference_still("float64 boxes beside float32 predictions raise"), pytest.raises(RuntimeError):
        THEIRS(outputs, mixed)
    ours, plain = criterion()(outputs, mixed), criterion()(outputs, targets)
    assert {name: value.item() for name, value in ours.items()} == {n: v.item() for n, v in plain.items()}


def complaints(outputs, targets):
    return (
        lambda: validate_targets(targets, NUM_CLASSES),
        lambda: HungarianMatcher()(outputs, targets),
        lambda: criterion()(outputs, targets),
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    outputs, targets = make_batch([2])
    half = {name: value.to(dtype) for name, value in outputs.items()}
    in_half = [{**targets[0], "boxes": targets[0]["boxes"].to(dtype)}]
    with reference_still(f"{dtype} raises on a CPU"), pytest.raises((RuntimeError, NotImplementedError, TypeError)):
        THEIRS(half, in_half)
    losses = criterion()(half, in_half)
    assert all(value.dtype == torch.float32 and value.isfinite() for value in losses.values())


def test_pairs_across_images(monkeypatch):
    # 8 images of 5 targets and 10 predictions: 400 pairs can be matched, the reference costs 8 times as many.
    outputs, targets = make_batch([5] * 8, num_predictions=10)
    pairs = 8 * 5 * 10
    with reference_still("it costs every prediction against the targets of all images"):
        assert count_elements(monkeypatch, "cdist", lambda: THEIRS(outputs, targets)) == 8 * pairs
    matrices = HungarianMatcher().cost_matrices(outputs, targets)
    assert sum(of_image["total"].numel() for of_image in matrices) == pairs
    # Nothing on the way is larger than four coordinates for each pair.
    assert largest_result(lambda: HungarianMatcher()(outputs, targets)) <= 4 * pairs
    with reference_still("it costs every prediction against the targets of all images"):
        assert largest_result(lambda: THEIRS(outputs, targets)) >= 8 * pairs


def largest_result(run):
    """The most elements of any tensor that torch makes while `run` runs."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            result = function(*arguments, **(options or {}))
            if isinstance(result, torch.Tensor):
                self.elements = max(self.elements, result.numel())
            return result

    with Largest() as largest:
        run()
    return largest.elements


def test_the_giou_of_matched_pairs():
    # 40 matched pairs need 40 values of GIoU, not the 1,600 of which the reference keeps the diagonal.
    outputs, targets = make_batch([10] * 4, num_predictions=10)
    indices = THEIRS(outputs, targets)
    ours = SetCriterion(lambda *_: indices, NUM_CLASSES, losses=("boxes",))
    theirs = reference_criterion(losses=["boxes"], matcher=lambda *_: indices)
    assert largest_result(lambda: ours(outputs, targets)) <= 4 * 40
    with reference_still("loss_boxes builds all pairs and keeps the diagonal"):
        assert largest_result(lambda: theirs(outputs, targets)) >= 40 * 40
    boxes = torch.rand(3, 4)
    assert generalized_box_iou(center_to_corners(boxes), center_to_corners(boxes)).shape == (3,)


def test_one_copy_to_the_host_for_all_layers():
    outputs, targets = make_batch([3, 2])
    outputs["auxiliary_outputs"] = [make_batch([3, 2], seed=seed)[0] for seed in (1, 2, 3)]
    with HostReads() as ours:
        criterion()(outputs, targets)
    assert ours.copies == 1
    with HostReads() as theirs:
        reference_criterion()(outputs, targets)
    with reference_still("one copy of the costs to the host per layer"):
        assert theirs.copies == 4


def test_gradient_accumulation():
    outputs, targets = make_batch([1, 1, 5, 6], num_predictions=8)
    whole = criterion()(outputs, targets)["loss_giou"].item()
    halves = [
        ({name: value[part] for name, value in outputs.items()}, targets[part]) for part in (slice(2), slice(2, 4))
    ]
    with reference_still("the mean of two half batches is not the batch, and num_boxes cannot be given"):
        mean = sum(reference_criterion()(*half)["loss_giou"].item() for half in halves) / 2
        assert abs(mean - whole) > 1e-3
        with pytest.raises(TypeError):
            reference_criterion()(*halves[0], num_boxes=13)
    num_boxes, class_weight_sum = criterion().normalizers(8, targets)
    summed = sum(criterion()(*half, num_boxes, class_weight_sum)["loss_giou"].item() for half in halves)
    assert summed == pytest.approx(whole, rel=1e-5)


def test_padding_of_masks():
    # A small image beside a large one. Nobody can say what is right where the small one is padded.
    outputs, targets = make_batch([1, 1], num_predictions=1)
    outputs["pred_masks"] = torch.zeros(2, 1, 8, 8)
    for target, side in zip(targets, (8, 4)):
        target["masks"] = torch.ones(1, side, side, dtype=torch.bool)
    painted = {**outputs, "pred_masks": outputs["pred_masks"].clone()}
    painted["pred_masks"][1, :, 4:] = 9.0
    terms = {"losses": ("masks",)}
    with reference_still("the padding counts in the mask loss"):
        before, after = (
            reference_criterion(**terms)(given, targets)["loss_mask"].item() for given in (outputs, painted)
        )
        assert after > before + 0.1
    before, after = (criterion(**terms)(given, targets)["loss_mask"].item() for given in (outputs, painted))
    assert after == before


def test_a_process_without_objects():
    # Distributed training waits forever where a process has no gradient for a weight (seen in RT-DETR's own code,
    # not in transformers'). Here every output keeps its place in the graph.
    outputs, targets = make_batch([0, 0])
    losses = criterion()(outputs, targets)
    for name in ("loss_bbox", "loss_giou"):
        assert losses[name].requires_grad
    for gradient in gradients(criterion().total(losses), outputs).values():
        assert gradient is not None
        assert gradient.isfinite().all()
