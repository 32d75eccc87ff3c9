"""Training inside a page: a loop that can be watched and stopped."""

import time
from functools import cache, lru_cache
from uuid import uuid4

import torch

from helpers.loss import SetCriterion
from helpers.matcher import HungarianMatcher
from helpers.scenes import IMAGE_SIZE, NUM_CLASSES
from helpers.training.arrays import SceneArrays
from helpers.training.recipe import Recipe, build_model, renew_detection_tokens
from helpers.training.stage import build_optimizers, draw_batch

KEEPS_CLICKS = {(7, 4)}  # versions of ipykernel
DRAWING_SHARE = 0.15  # of the time, at most, goes into redrawing the figure


class LiveTraining:
    """A training that goes step by step.

    Args:
        model: a `YolosForObjectDetection`, trained in place.
        optimizer: its optimiser.
        batch_at: `batch_at(step) -> (pixel_values, targets)`. Targets that are the same list as the
            step before count as the same scenes: then flips of the match are measured.
        eos_coef: the weight of no-object, or a function of the step.
        scheduler: the learning rate's, stepped after each step.
        measure: `measure(model) -> dict`, called every `measure_every` steps; kept in `measures`.
        first_step: the number of the first step.
        clip: the largest norm that the gradient may have. A step whose gradient is not finite
            changes no weight.
        matcher: another matcher than `HungarianMatcher()`.

    `history` holds one dict per step: step, loss, the three terms, and flips, the share of targets
    with a new owner."""

    def __init__(
        self, model, optimizer, batch_at, *, eos_coef=1.0, scheduler=None, measure=None,
        measure_every=100,
        first_step=0, clip=Recipe.clip, matcher=None,
    ):  # fmt: skip
        self.model, self.optimizer, self.scheduler, self.batch_at = (
            model,
            optimizer,
            scheduler,
            batch_at,
        )
        self.clip = clip
        self.eos_coef = eos_coef if callable(eos_coef) else lambda step: eos_coef
        self.measure, self.measure_every = measure, measure_every
        self.first_step = self.at = first_step
        self.goal, self.history, self.measures = 0, [], []
        self.stopped, self.outputs = False, None
        self._matcher, self._targets, self._owners = matcher or HungarianMatcher(), None, None

    def step(self):
        """One step down the loss; returns its row of the history."""
        pixel_values, targets = self.batch_at(self.at)
        self.model.train()
        said = self.model(pixel_values)
        outputs = {"logits": said.logits, "pred_boxes": said.pred_boxes}
        pairs = self._matcher(outputs, targets)
        criterion = SetCriterion(lambda *_: pairs, NUM_CLASSES, self.eos_coef(self.at))
        losses = criterion(outputs, targets)
        loss = criterion.total(losses)
        self.optimizer.zero_grad()
        loss.backward()
        if torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip).isfinite():
            self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.at += 1
        self.outputs = {name: value.detach() for name, value in outputs.items()}
        terms = {name: float(value.detach()) for name, value in losses.items()}
        row = {
            "step": self.at,
            "loss": float(loss.detach()),
            **terms,
            "flips": self._flips(pairs, targets),
        }
        self.history.append(row)
        if self.measure and len(self.history) % self.measure_every == 0:
            self._measure()
        return row

    def stop(self, *_):
        """End `run` after the current step."""
        self.stopped = True

    def run(self, steps, draw, caption):
        """Train `steps` steps below a progress bar, a stop button and a figure that follows.

        Args: `draw(training)` gives the figure; `caption` says what to see in it. In JupyterLab the
        button is heard at once; elsewhere interrupt the kernel: both end the training and keep what
        was learned. Another call goes on."""
        self.stopped, self.goal = False, len(self.history) + steps
        panel = _Panel(self, steps, draw, caption)
        try:
            for done in range(1, steps + 1):
                self.step()
                panel.follow(done)
                if self.stopped:
                    break
        except KeyboardInterrupt:
            self.stopped = True
        self.model.eval()
        panel.close()

    def _flips(self, pairs, targets):
        owners = torch.cat([tokens[order.argsort()] for tokens, order in pairs])
        same = targets is self._targets and len(owners) == len(self._owners)
        flips = float((owners != self._owners).float().mean()) if same and len(owners) else 0.0
        self._targets, self._owners = targets, owners
        return flips

    def _measure(self):
        self.model.eval()
        self.measures.append({"step": self.at, **self.measure(self.model)})


class _Panel:
    """Progress, stop button and figure below the running cell; only the figure stays behind."""

    def __init__(self, training, steps, draw, caption):
        import ipywidgets
        from IPython.display import display

        self.training, self.draw, self.caption = training, draw, caption
        self.bar = ipywidgets.IntProgress(max=steps, description="training")
        self.button = ipywidgets.Button(description="Stop", icon="stop")
        self.button.on_click(training.stop)
        _hear_at_once(self.button)
        self.box = ipywidgets.HBox([self.bar, self.button])
        self.controls, self.picture = (
            uuid4().hex,
            uuid4().hex,
        )  # by these names, outputs are updated in place
        display(self.box, display_id=self.controls)
        self.spent, self.drawn_at = 0.0, 0.0  # seconds for one figure, and when it was drawn
        display(self._frame(), raw=True, metadata=self._alt(), display_id=self.picture)

    def follow(self, done):
        """Move the bar; redraw when that takes a small share of the time."""
        self.bar.value = done
        if time.perf_counter() - self.drawn_at > self.spent / DRAWING_SHARE:
            self._redraw()

    def close(self):
        """Leave the last figure, its caption, and a word on how it ended."""
        from IPython.display import display, update_display

        self._redraw()
        done = "stopped" if self.training.stopped else "finished"
        ending = {"text/plain": f"{done} after {self.bar.value} steps"}
        update_display(ending, raw=True, display_id=self.controls)
        for widget in (
            self.box,
            self.bar,
            self.button,
            self.bar.layout,
            self.button.layout,
            self.box.layout,
        ):
            widget.close()
        display({"text/markdown": f"*{self.caption}*", "text/plain": self.caption}, raw=True)

    def _redraw(self):
        from IPython.display import update_display

        update_display(self._frame(), raw=True, metadata=self._alt(), display_id=self.picture)

    def _frame(self):
        from helpers.figures import small_png

        started = time.perf_counter()
        frame = {"image/png": small_png(self.draw(self.training)), "text/plain": self.caption}
        self.drawn_at = time.perf_counter()
        self.spent = self.drawn_at - started
        return frame

    def _alt(self):
        return {"image/png": {"alt": self.caption}}


def _hear_at_once(button):
    """Let a click be heard while the cell runs: ipykernel 7.4 keeps it for the loop that made the
    button.
    """
    try:
        from ipykernel import version_info
    except ImportError:  # another kernel
        return
    # A private part of it, so only where it is known to be what it was.
    if version_info[:2] in KEEPS_CLICKS and hasattr(button.comm, "_reply_subshell_for"):
        button.comm._reply_subshell_for = lambda data, subshell: (
            subshell
        )  # the one that JupyterLab chose


def overfit(pixel_values, targets, learning_rate=1e-3, warm_up=20):
    """A detector that begins with the shipped classifier's eyes, to be overfitted to a few scenes:
    a `LiveTraining`.
    """
    from safetensors.torch import load_file

    from helpers.detector import weights_folder
    from helpers.training.run import Classifier

    model = build_model(Recipe())
    classifier = Classifier(model.vit, model.config.hidden_size)
    weights = load_file(weights_folder() / "classifier.safetensors")
    classifier.load_state_dict({name: value.float() for name, value in weights.items()})
    torch.manual_seed(0)
    renew_detection_tokens(model)
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / warm_up)
    )
    return LiveTraining(model, optimizer, lambda _: (pixel_values, targets), scheduler=scheduler)


def continue_recipe(recipe, step=5000, measure_every=100):
    """The real recipe, going on from the shipped weights and optimiser of an early step: a
    `LiveTraining`.

    Args: recipe: a `Recipe`, or the dict of one that a recording keeps in `about["recipe"]`. The
    scenes of each batch are those of the recorded run, drawn as they are needed; AP is measured on
    the recording's 200 unseen scenes."""
    from helpers.detector import detections, load_detector
    from helpers.evaluation import summarize
    from helpers.training.run import held_out_scenes

    recipe = Recipe(**recipe) if isinstance(recipe, dict) else recipe
    model, _ = load_detector(step=step)
    ((optimizer, scheduler),) = build_optimizers(model, recipe, recipe.detection_steps)
    restore_optimizer(optimizer, scheduler, model, step)
    held_out, annotations = held_out_scenes(recipe)

    def measure(model):
        return summarize(
            detections(model, held_out, [(IMAGE_SIZE, IMAGE_SIZE)] * len(annotations)), annotations
        )

    return LiveTraining(
        model,
        optimizer,
        fresh_batches(recipe),
        eos_coef=recipe.eos_coef_at,
        scheduler=scheduler,
        measure=measure,
        measure_every=measure_every,
        first_step=step,
        clip=recipe.clip,
    )


def fresh_batches(recipe):
    """The recorded run's scenes, rendered when needed: step -> (pixel_values, targets)."""
    scenes = recipe.build_scenes("train", recipe.detection_scenes, recipe.seed)

    @lru_cache(maxsize=50)  # who compares takes the same steps again, and drawing is half the work
    def drawn(step):
        arrays = SceneArrays([scenes[int(i)] for i in draw_batch(recipe, step, len(scenes))])
        arrays.scenes = None  # pictures and annotations are not kept twice
        return arrays

    def batch_at(step):
        arrays, everything = drawn(step), range(recipe.batch_size)
        return arrays.pixel_values(everything, *recipe.normalization), arrays.targets(everything)

    return batch_at


@cache
def _usual_batches(batch_size):
    return fresh_batches(Recipe(batch_size=batch_size))


def train_on(
    model, steps, matcher=None, first_step=0, batch_size=16, learning_rate=3e-4, eos_coef=1.0
):
    """A trained detector, trained on for some steps with another matcher, in place: the history of
    its losses.
    """
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate)
    batches = _usual_batches(batch_size)
    training = LiveTraining(
        model, optimizer, batches, eos_coef=eos_coef, first_step=first_step, matcher=matcher
    )
    for _ in range(steps):
        training.step()
    model.eval()
    return training.history


def restore_optimizer(optimizer, scheduler, model, step):
    """Put the shipped moments of AdamW back, and wind the learning rate forward to `step`."""
    from safetensors.torch import load_file

    from helpers.detector import weights_folder

    moments = load_file(weights_folder() / f"step-{step}-optimizer.safetensors")
    parameters = list(model.parameters())
    sizes = [parameter.numel() for parameter in parameters]
    parts = {name: values.float().split(sizes) for name, values in moments.items()}
    for place, parameter in enumerate(parameters):
        state = {name: values[place].view_as(parameter).clone() for name, values in parts.items()}
        optimizer.state[parameter] = {"step": torch.tensor(float(step)), **state}
    scheduler.load_state_dict(
        {**scheduler.state_dict(), "last_epoch": step - 1, "_step_count": step}
    )
    scheduler.step()
