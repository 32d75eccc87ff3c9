"""Training processes for real, on this machine: what each one divides its box loss by, and the
gradient they agree on.

`run_ranks([2, 10])` starts two processes, one with 2 objects and one with 10. Each of them runs
this file; a process of a group is called a rank."""

import json
import os
import socket
import subprocess
import sys

import torch
from torch import distributed

from helpers.loss import SetCriterion

SECONDS = 600  # for all ranks together: a guard against a group that hangs
NUM_PREDICTIONS, NUM_CLASSES = 12, 10
DISTANCE = 0.25  # between a prediction and its target: the L1 of each pair


def run_ranks(*batches):
    """Start processes, joined into a gloo group as accelerate does it, and let them compute the
    loss of some batches.

    Args: batches: for each the number of objects of every rank, such as [2, 10].

    Returns for each batch one dict per rank: {"ours": report, "reference": report}, where a report
    has "num_boxes", the divisor of the box terms (None without objects), and "gradient", the mean
    of the ranks' gradients: 1 is what one process with all objects gets. RuntimeError with the last
    words of a rank that fails."""
    shared = {
        "WORLD_SIZE": str(len(batches[0])),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    shared |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "helpers.training.processes", *map(str, counts)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, counts in enumerate(zip(*batches, strict=True))
    ]
    try:
        said = [rank.communicate(timeout=SECONDS) for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
    for rank, (_, complaint) in zip(ranks, said):
        if rank.returncode:
            raise RuntimeError(complaint[-2000:])
    by_rank = [json.loads(answer.splitlines()[-1]) for answer, _ in said]
    return [list(reports) for reports in zip(*by_rank)]


def report(criterion, objects):
    """What one rank finds: its divisor, and the gradient of the L1 term averaged over all ranks.

    Every prediction depends on one weight, `shift`, with which each pair's L1 grows one to one.
    """
    shift = torch.zeros((), requires_grad=True)
    to_the_right = torch.tensor([1.0, 0.0, 0.0, 0.0])
    pred_boxes = torch.full((1, NUM_PREDICTIONS, 4), 0.5) + (DISTANCE + shift) * to_the_right
    outputs = {"logits": torch.zeros(1, NUM_PREDICTIONS, NUM_CLASSES + 1), "pred_boxes": pred_boxes}
    targets = [
        {
            "class_labels": torch.zeros(objects, dtype=torch.int64),
            "boxes": torch.full((objects, 4), 0.5),
        }
    ]
    loss = criterion(outputs, targets)["loss_bbox"]
    (gradient,) = torch.autograd.grad(loss, shift)
    distributed.all_reduce(gradient)  # as data-parallel training does it after every backward pass
    num_boxes = DISTANCE * objects / loss.item() if objects else None
    return {"num_boxes": num_boxes, "gradient": gradient.item() / distributed.get_world_size()}


def in_order(outputs, targets):
    """A recorded match: target k has prediction k."""
    return [(torch.arange(len(target["boxes"])),) * 2 for target in targets]


def free_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    """One rank, with as many objects in each batch as the command line says; prints its reports as
    JSON.
    """
    from accelerate import PartialState
    from transformers.loss.loss_for_object_detection import ImageLoss

    PartialState(cpu=True, backend="gloo")  # joins the group that the environment names
    ours = SetCriterion(in_order, NUM_CLASSES, losses=("boxes",))
    theirs = ImageLoss(in_order, NUM_CLASSES, 0.1, ["boxes"])
    batches = [int(argument) for argument in sys.argv[1:]]
    print(
        json.dumps(
            [{"ours": report(ours, count), "reference": report(theirs, count)} for count in batches]
        )
    )
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
