"""What this field's libraries do where a good guess is wrong: measured, and written to `notebooks/reference.md`.

A file for each table. `make reference` installs the libraries, measures and writes the page; tests measure again what
the installed libraries allow, so that a row that is no longer true fails.
"""

import importlib.util

import torch


def import_torchvision():
    """Import torchvision where it is installed, on any build of torch, before transformers looks for it.

    The released wheels are compiled for CUDA. Beside a build of torch without it their operators do not load, and the
    import stops at the first one that it misses. What is measured here is Python and needs none of them: so those two
    are declared without a body.
    """
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError:  # operator torchvision::nms does not exist
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        importlib.import_module("torchvision")


import_torchvision()
