"""What `MatchWatch` costs: its own processor time as a share of the training steps that it watches.

python -m benchmarks.watch               # mini-YOLOS, batches of 8
python -m benchmarks.watch --steps 600 --batch 32
"""

import argparse
import time

import torch

from helpers import as_transformers_loss
from helpers.clinic import MatchWatch
from helpers.training.recipe import Recipe, build_model


class TimedWatch(MatchWatch):
    """Adds up the processor time of all that is called while a training runs."""

    own = 0.0

    def step(self):
        began = time.process_time()
        super().step()
        self.own += time.process_time() - began

    def _hear(self, *arguments):
        began = time.process_time()
        super()._hear(*arguments)
        self.own += time.process_time() - began


def measure(steps, batch):
    """The seconds of processor time of all steps without the watch's, and the watch's."""
    torch.manual_seed(0)
    model, watch = build_model(Recipe()).train(), TimedWatch(tell=None)
    model.loss_function = as_transformers_loss()
    watch.begin(model)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    pixel_values, boxes = torch.randn(batch, 3, 128, 128), torch.rand(batch, 5, 4) * 0.3 + 0.3
    labels = [{"class_labels": torch.randint(10, (5,)), "boxes": one} for one in boxes]
    began = time.process_time()
    for _ in range(steps):
        optimizer.zero_grad()
        model(pixel_values, labels=labels).loss.backward()
        watch.step()
        optimizer.step()
    return time.process_time() - began - watch.own, watch.own


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    plain, own = measure(options.steps, options.batch)
    said = f"a step {1e3 * plain / options.steps:.1f} ms, the watch {1e3 * own / options.steps:.2f} ms"
    print(f"batch {options.batch}, {options.steps} steps: {said}: {100 * own / plain:.1f} %")


if __name__ == "__main__":
    main()
