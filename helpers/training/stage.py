"""One stage of a training: optimiser steps that survive bad losses and being killed.

A stage keeps one checkpoint, written aside and renamed: a run killed at any moment goes on from its
last whole one. What a step sees follows from the seed and the step alone, so no generator state is
kept. What decides the run stands in `recipe.json` beside the checkpoints, so that another recipe
cannot go on with them."""

import json
import os
import sys

import numpy as np
import torch

MOST_SKIPS = 10  # steps in a row whose loss or gradient is not finite


def build_optimizers(model, recipe, total):
    """AdamW, and Muon where the recipe has a rate for it; each beside its one-cycle learning rate
    of `total` steps.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    matrices = {
        name: p
        for name, p in named.items()
        if recipe.muon_rate and p.ndim == 2 and (".encoder." in name or "decoder.layers." in name)
    }
    others = [parameter for name, parameter in named.items() if name not in matrices]
    optimizers = [
        torch.optim.AdamW(
            others, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
    ]
    if matrices:
        decay = {"weight_decay": recipe.weight_decay, "adjust_lr_fn": "match_rms_adamw"}
        optimizers.append(torch.optim.Muon(matrices.values(), recipe.muon_rate, **decay))
    return [(optimizer, _one_cycle(optimizer, recipe, total)) for optimizer in optimizers]


def _one_cycle(optimizer, recipe, total):
    rate, share = optimizer.defaults["lr"], float(recipe.warm_up)
    if share * total in (1.0, float(total)):
        share *= 1 - 1e-9  # OneCycleLR divides by the length of each part, and one of them has none
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=total, pct_start=share)


def draw_batch(recipe, step, length, processes=1, process=0):
    """Which of `length` scenes one process sees at a step: (batch_size,) indices, sorted."""
    chosen = np.random.default_rng([recipe.seed, step]).integers(
        length, size=recipe.batch_size * processes
    )
    return np.sort(chosen[process * recipe.batch_size :][: recipe.batch_size])


class Stage:
    """One optimisation: batches, a one-cycle learning rate, skipped bad steps, a checkpoint.

    A training has two or three: the classifier, then detection, most often once more on fresh
    scenes."""

    def __init__(self, name, model, recipe, total, folder, accelerator):
        self.name, self.recipe, self.total, self.accelerator = name, recipe, total, accelerator
        self.path = folder / f"{name}.pt"
        optimizers, self.schedulers = zip(*build_optimizers(model, recipe, total))
        self.model, *self.optimizers = accelerator.prepare(model, *optimizers)
        self.step, self.skipped, self.skipped_in_a_row = 0, 0, 0

    def batch(self, length):
        """The scenes of this step and this process: the same whatever happened before."""
        return draw_batch(
            self.recipe,
            self.step,
            length,
            self.accelerator.num_processes,
            self.accelerator.process_index,
        )

    def update(self, loss):
        """One step down the loss; one whose loss or gradient is not finite is skipped, ten in a row
        end the run.
        """
        self.model.zero_grad()
        if self._is_finite(loss) and self._gradient_is_finite(loss):
            for optimizer in self.optimizers:
                optimizer.step()
            self.skipped_in_a_row = 0
        else:
            self.skipped += 1
            self.skipped_in_a_row += 1
            if self.skipped_in_a_row == MOST_SKIPS:
                raise RuntimeError(
                    f"The loss or its gradient was not finite {MOST_SKIPS} steps in a row, up to "
                    f"step {self.step}; "
                    "lower the learning rate, or run validate_targets on the data."
                )
        for scheduler in self.schedulers:
            scheduler.step()
        self.step += 1

    def _is_finite(self, loss):
        """Whether the loss is finite, in all processes."""
        finite = torch.isfinite(loss.detach()).float()
        if self.accelerator.num_processes > 1:
            finite = self.accelerator.reduce(finite, "sum") / self.accelerator.num_processes
        return finite == 1

    def _gradient_is_finite(self, loss):
        """Gradients, clipped; whether their norm was finite.

        A finite loss may have a gradient that is not.
        """
        self.accelerator.backward(loss)
        return torch.isfinite(
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        )

    def save(self, **more):
        """Write the checkpoint aside, then rename it: there is never half a file under the name."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "step": self.step,
            "skipped": self.skipped,
            "skipped_in_a_row": self.skipped_in_a_row,
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            **more,
        }
        replace_whole(self.path, lambda aside: torch.save(state, aside))

    def resume(self):
        """Go on from the checkpoint, if there is one; returns what it holds."""
        if not self.path.exists():
            return {}
        state = read_checkpoint(self.path)
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        for kind in ("optimizers", "schedulers"):
            for part, kept in zip(getattr(self, kind), state[kind]):
                part.load_state_dict(kept)
        self.step, self.skipped = state["step"], state["skipped"]
        self.skipped_in_a_row = state.get("skipped_in_a_row", 0)
        return state


def read_checkpoint(path):
    """A checkpoint's state: tensors and plain values only.

    ValueError if the file is foreign or cut short.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state if state["step"] >= 0 else {}
    except Exception as error:
        raise ValueError(
            f"{path} is no checkpoint of a training, or is cut short ({type(error).__name__}); "
            "delete it to start anew."
        ) from None


def keep_recipe(folder, facts, accelerator):
    """Write what decides a run as `recipe.json` into its folder, or compare it with what stands
    there.

    Args: facts: plain values by name. ValueError, naming the first difference, where the folder
    holds another run, or checkpoints of which nobody can tell what made them."""
    path, facts = folder / "recipe.json", json.loads(json.dumps(facts))
    if path.exists():
        try:
            kept = dict(json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError):
            raise ValueError(
                f"{path} is no recipe, or is cut short; delete {folder} to start anew."
            ) from None
        for name in {**facts, **kept}:
            if kept.get(name) != facts.get(name):
                was = f"{name} is {kept.get(name)!r}, not {facts.get(name)!r}"
                raise ValueError(
                    f"{folder} holds a run whose {was}; give another folder, or delete it to start "
                    "anew."
                )
    elif any(folder.glob("*.pt")):
        raise ValueError(
            f"{folder} holds checkpoints, but no recipe.json to tell what made them; give another "
            "folder."
        )
    elif accelerator.is_main_process:
        replace_whole(
            path, lambda aside: aside.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        )
    accelerator.wait_for_everyone()


def keep_weights(path, module, accelerator, **about):
    """Write a module's weights in half precision, from one process; none goes on before they are
    there.
    """
    from safetensors.torch import save_file

    if accelerator.is_main_process:
        weights = {name: value.half().contiguous() for name, value in module.state_dict().items()}
        replace_whole(
            path, lambda aside: save_file(weights, aside, metadata={"format": "pt", **about})
        )
    accelerator.wait_for_everyone()


def replace_whole(path, write):
    """Let `write` make a file aside, then rename it: there is never half a file under the name."""
    aside = path.with_name(f"{path.name}.part")
    write(aside)
    os.replace(aside, path)


class Running:
    """Means of scalars since the last look."""

    def __init__(self):
        self.sums, self.count = {}, 0

    def add(self, values):
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value
        self.count += 1

    def means(self, accelerator=None):
        """The means, over all processes where an accelerator is given; begins anew."""
        means = {name: float(value) / self.count for name, value in self.sums.items()}
        self.__init__()
        if accelerator is not None and accelerator.num_processes > 1:
            # In float32: not every device has float64.
            shared = torch.tensor(
                list(means.values()), dtype=torch.float32, device=accelerator.device
            )
            means = dict(zip(means, accelerator.reduce(shared, "mean").tolist()))
        return means


def progress(stage):
    """Count the remaining steps, with a bar that stays quiet in a log file."""
    from tqdm import tqdm

    quiet = not sys.stderr.isatty()
    return tqdm(
        range(stage.step, stage.total),
        desc=stage.name,
        initial=stage.step,
        total=stage.total,
        mininterval=60 if quiet else 0.5,
        disable=not stage.accelerator.is_main_process,
    )


def readable(values):
    """Named numbers as one line of a log."""
    return " ".join(f"{name} {value:.4f}" for name, value in values.items())
