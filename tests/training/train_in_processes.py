"""Train a tiny detector and note what each step said: `python train_in_processes.py FOLDER DATA BATCH_SIZE [global]`.

One process alone, or two under `python -m torch.distributed.run --nproc-per-node 2`. Run by test_processes.py.
"""

import sys
from pathlib import Path

import torch
from accelerate import PartialState

from helpers import HungarianMatcher, SetCriterion
from helpers.training import run as training
from helpers.training.recipe import Recipe


def main():
    torch.set_num_threads(1)
    training.CURVE_EVERY = 1
    training.CHECKPOINT_EVERY, training.EVALUATION_SCENES, training.MATCH_SCENES = 1000, 4, 9
    folder, data, batch_size, *is_global = sys.argv[1:]
    recipe = Recipe(
        hidden_size=32,
        layers=1,
        classifier_steps=2,
        classifier_scenes=16,
        detection_steps=6,
        detection_scenes=64,
        second_steps=2,
        batch_size=int(batch_size),
        keep_steps=(),
    )
    criterion = SetCriterion(HungarianMatcher(), 10, global_class_normalizer=bool(is_global))
    training.train(recipe, Path(folder), Path(data), criterion)
    print("processes:", PartialState().num_processes)


if __name__ == "__main__":
    main()
