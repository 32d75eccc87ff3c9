"""By what the losses of transformers divide their box terms: in one process, in two, in evaluation."""

import json
import os
import subprocess
import sys

import torch
from torch import nn
from transformers.loss import (
    loss_d_fine,
    loss_deformable_detr,
    loss_deimv2,
    loss_for_object_detection,
    loss_grounding_dino,
    loss_lw_detr,
    loss_rf_detr,
    loss_rt_detr,
)

from helpers import SetCriterion
from helpers.training.processes import free_port

NUM_CLASSES, GROUPS = 4, 13
DISTANCE = 0.25  # the L1 of every prediction with every target
BOXES = ["boxes"]


def in_order(outputs, targets, group_detr=1):
    """A match that is known beforehand: target k has prediction k of each group."""
    num_predictions = outputs["pred_boxes"].shape[1] // group_detr
    pairs = []
    for target in targets:
        index = torch.arange(len(target["boxes"]))
        pairs.append((torch.cat([index + num_predictions * g for g in range(group_detr)]), index.repeat(group_detr)))
    return pairs


class Matcher(nn.Module):
    """A function where only a module may stand."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def criteria():
    """Each loss with box terms alone, by the name of the model that it trains."""
    from transformers import Deimv2Config, DFineConfig, RTDetrConfig

    deformable = {"matcher": in_order, "num_classes": NUM_CLASSES, "focal_alpha": 0.25, "losses": BOXES}
    found = {
        "ours": SetCriterion(in_order, NUM_CLASSES, losses=("boxes",)),
        "YOLOS, DETR, Table Transformer": loss_for_object_detection.ImageLoss(in_order, NUM_CLASSES, 0.1, BOXES),
        "Deformable, Conditional, DAB": loss_deformable_detr.DeformableDetrImageLoss(**deformable),
        "Grounding DINO, MM Grounding DINO": loss_grounding_dino.GroundingDinoImageLoss(in_order, 0.25, BOXES),
        "LW-DETR": loss_lw_detr.LwDetrImageLoss(**deformable, group_detr=1),
        "RF-DETR": loss_rf_detr.RfDetrImageLoss(**deformable, group_detr=1, mask_point_sample_ratio=16),
        "RT-DETR, RT-DETRv2": loss_rt_detr.RTDetrLoss(RTDetrConfig()),
        "D-FINE": loss_d_fine.DFineLoss(DFineConfig()),
        "DEIMv2": loss_deimv2.Deimv2Loss(Deimv2Config()),
    }
    for name in ("RT-DETR, RT-DETRv2", "D-FINE", "DEIMv2"):
        found[name].losses, found[name]._modules["matcher"] = BOXES, Matcher(in_order)
    return found


def divisor(criterion, objects):
    """The number by which a loss divides the summed L1 of `objects` pairs."""
    outputs = {
        "logits": torch.zeros(1, 12, NUM_CLASSES + 1),
        "pred_boxes": torch.full((1, 12, 4), 0.5) + DISTANCE * torch.tensor([1.0, 0.0, 0.0, 0.0]),
    }
    targets = [{"class_labels": torch.zeros(objects, dtype=torch.int64), "boxes": torch.full((objects, 4), 0.5)}]
    loss = criterion(outputs, targets)["loss_bbox"]
    weight = getattr(criterion, "weight_dict", {}).get("loss_bbox", 1)  # some weigh inside the criterion
    return round(weight * DISTANCE * objects / loss.item(), 3)


def alone(objects=3):
    """The divisors in one process: the number of objects, for all."""
    return {name: divisor(criterion, objects) for name, criterion in criteria().items()}


def together(counts=(2, 10), state=True):
    """The divisors of each process of a group; `state`: accelerate's state is there, as under `Trainer`."""
    shared = {"WORLD_SIZE": str(len(counts)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reference.divisors", str(count), *(["state"] if state else [])],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank, count in enumerate(counts)
    ]
    said = [rank.communicate(timeout=300)[0] for rank in ranks]
    reports = [json.loads(answer.splitlines()[-1]) for answer in said]
    return {name: tuple(report[name] for report in reports) for name in reports[0]}


def pairs_in_evaluation(objects=2):
    """How many pairs LW-DETR's and RF-DETR's loss grades for `objects` when the model is in `eval()`.

    The criterion is made anew in each call and never told: 300 queries are matched in 13 groups.
    """
    from transformers import LwDetrConfig

    config = LwDetrConfig(num_labels=NUM_CLASSES, auxiliary_loss=False)
    generator = torch.Generator().manual_seed(0)
    seen = []

    class Watched(loss_lw_detr.LwDetrHungarianMatcher):
        def forward(self, *arguments, **options):
            pairs = super().forward(*arguments, **options)
            seen.append(sum(len(prediction) for prediction, _ in pairs))
            return pairs

    usual, loss_lw_detr.LwDetrHungarianMatcher = loss_lw_detr.LwDetrHungarianMatcher, Watched
    try:
        logits = torch.randn(1, 300 // GROUPS * GROUPS, NUM_CLASSES, generator=generator)
        boxes = 0.2 + 0.4 * torch.rand(*logits.shape[:2], 4, generator=generator)
        targets = [{"class_labels": torch.zeros(objects, dtype=torch.int64), "boxes": torch.full((objects, 4), 0.5)}]
        loss_lw_detr.LwDetrForObjectDetectionLoss(
            logits, targets, "cpu", boxes, config, enc_outputs_class=logits, enc_outputs_coord=boxes
        )
    finally:
        loss_lw_detr.LwDetrHungarianMatcher = usual
    return seen[0]


def union_of_layers(layers=7, objects=2):
    """DEIMv2 and D-FINE on layers that match different queries: how many queries learn boxes, divided by what."""
    from transformers import Deimv2Config, DFineConfig

    found = {}
    for name, criterion in (
        ("DEIMv2", loss_deimv2.Deimv2Loss(Deimv2Config())),
        ("D-FINE", loss_d_fine.DFineLoss(DFineConfig())),
    ):
        criterion.losses = BOXES
        turn = iter(range(layers))

        def shifted(outputs, targets, turn=turn):
            start = objects * next(turn)
            return [(torch.arange(start, start + objects), torch.arange(objects))]

        criterion._modules["matcher"] = Matcher(shifted)
        boxes = torch.full((1, objects * layers, 4), 0.5).requires_grad_()
        moved = boxes + DISTANCE * torch.tensor([1.0, 0.0, 0.0, 0.0])
        layer = {"logits": torch.zeros(1, objects * layers, NUM_CLASSES), "pred_boxes": moved}
        targets = [{"class_labels": torch.zeros(objects, dtype=torch.int64), "boxes": torch.full((objects, 4), 0.5)}]
        others = [{**layer, "pred_boxes": moved.detach()} for _ in range(layers - 1)]
        losses = criterion({**layer, "auxiliary_outputs": others}, targets)
        (gradient,) = torch.autograd.grad(losses["loss_bbox"], boxes)
        graded = int((gradient.abs().sum(-1) > 0).sum())
        weight = criterion.weight_dict["loss_bbox"]
        found[name] = (graded, round(weight * DISTANCE * graded / losses["loss_bbox"].item(), 3))
    return found


def main():
    """One process of a group; prints its divisors as JSON."""
    from torch import distributed

    if "state" in sys.argv:
        from accelerate import PartialState

        PartialState(cpu=True, backend="gloo")
    else:
        distributed.init_process_group("gloo")
    objects = int(sys.argv[1])
    print(json.dumps({name: divisor(criterion, objects) for name, criterion in criteria().items()}))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
