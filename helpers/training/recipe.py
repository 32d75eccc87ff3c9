"""The recipe of mini-YOLOS: everything that decides a run, and the untrained model that it starts
from.
"""

import dataclasses
from numbers import Integral

import torch
from torch import nn

from helpers.contract import check_number
from helpers.scenes import IMAGE_SIZE, NUM_CLASSES, HandwrittenScenes
from helpers.training.plain_scenes import PLAIN_SIZE, PlainScenes

IMAGE_MEAN, IMAGE_STD = 0.8, 0.25  # light paper becomes about 0
PLAIN_MEAN, PLAIN_STD = 0.1, 0.3  # so does black paper
PATCHES = 8  # a side
HEADS = 4
WHOLE = {  # fields that are whole numbers, and the least that each may be
    **dict.fromkeys(
        ("hidden_size", "layers", "num_detection_tokens", "detection_steps", "detection_scenes"), 1
    ),
    **dict.fromkeys(
        ("classifier_steps", "classifier_scenes", "second_steps", "seed", "keep_optimizer"), 0
    ),
    "batch_size": 1,
}


@dataclasses.dataclass
class Recipe:
    """Everything that decides a run.

    ValueError, with the field's name, for a number that makes no sense.

    >>> Recipe(batch_size=0)
    Traceback (most recent call last):
    ...
    ValueError: batch_size is 0; give a whole number of at least 1.
    """

    hidden_size: int = 96
    layers: int = 5
    num_detection_tokens: int = 12
    classifier_steps: int = 5000
    classifier_scenes: int = 20_000
    detection_steps: int = 36_000
    detection_scenes: int = 40_000
    batch_size: int = 32  # per process
    learning_rate: float = 1e-3
    # of Muon on the encoder's matrices; without, AdamW takes them, too
    muon_rate: float | None = None
    weight_decay: float = 0.05
    warm_up: float = 0.1  # share of the steps
    clip: float = 1.0
    eos_coef: float = 0.1  # DETR's, until the network finds objects
    # then 1: with 12 tokens there is no flood of no-object to hold back
    final_eos_coef: float = 1.0
    final_from: float = 0.25  # share of the steps
    # one more stage, on fresh scenes: unseen digits are read better for it
    second_steps: int = 8000
    second_rate: float = 3e-4
    seed: int = 0
    plain: bool = False  # white digits on black, 64 x 64
    keep_steps: tuple = (1000, 5000, 9000, 36_000)  # early weights to ship
    keep_optimizer: int = 5000  # which of them with its optimiser

    def __post_init__(self):
        for name, least in WHOLE.items():
            _check_whole(name, getattr(self, name), least)
            setattr(self, name, int(getattr(self, name)))
        if self.seed >= 2**63:
            raise ValueError(f"seed is {self.seed}; give a whole number below 2**63.")
        if not isinstance(self.keep_steps, (list, tuple)):
            raise ValueError(f"keep_steps is {self.keep_steps!r}; give a tuple of steps.")
        for step in self.keep_steps:
            _check_whole("keep_steps", step, 1)
        self.keep_steps = tuple(map(int, self.keep_steps))
        if not isinstance(self.plain, bool):
            raise ValueError(f"plain is {self.plain!r}; give True or False.")
        if self.classifier_steps:
            _check_whole("classifier_scenes", self.classifier_scenes, 1)
        if self.hidden_size % HEADS:
            raise ValueError(
                f"hidden_size is {self.hidden_size}; give a multiple of {HEADS}, the attention "
                "heads."
            )
        for name in ("learning_rate", "clip", "muon_rate", "second_rate"):
            if getattr(self, name) is not None or name != "muon_rate":
                setattr(self, name, check_number(name, getattr(self, name), least=1e-30))
        for name in ("weight_decay", "eos_coef", "final_eos_coef", "warm_up", "final_from"):
            setattr(self, name, check_number(name, getattr(self, name), least=0))
            if name in ("warm_up", "final_from") and getattr(self, name) > 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; give a share of the steps, from 0 to 1."
                )

    def eos_coef_at(self, step):
        return (
            self.final_eos_coef if step >= self.final_from * self.detection_steps else self.eos_coef
        )

    def detection_stages(self):
        """The stages of detection: the name of each, the step before it, and its recipe."""
        yield "detector", 0, self
        if self.second_steps:
            changed = {
                "detection_steps": self.second_steps,
                "learning_rate": self.second_rate,
                "keep_steps": (),
            }
            changed |= {"eos_coef": self.final_eos_coef, "seed": self.seed + 1}
            yield "second", self.detection_steps, dataclasses.replace(self, **changed)

    @property
    def image_size(self):
        return PLAIN_SIZE if self.plain else IMAGE_SIZE

    @property
    def normalization(self):
        """The mean and the standard deviation of `pixel_values` before they are normalised."""
        return (PLAIN_MEAN, PLAIN_STD) if self.plain else (IMAGE_MEAN, IMAGE_STD)

    def build_scenes(self, *arguments, **more):
        """`HandwrittenScenes` or `PlainScenes` with these arguments."""
        return (PlainScenes if self.plain else HandwrittenScenes)(*arguments, **more)


def _check_whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}; give a whole number of at least {least}.")


def build_model(recipe):
    """A `YolosForObjectDetection` with fresh weights (deterministic for a seed)."""
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(recipe.seed)
    config = YolosConfig(
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=HEADS,
        intermediate_size=2 * recipe.hidden_size,
        image_size=[recipe.image_size, recipe.image_size],
        patch_size=recipe.image_size // PATCHES,
        num_detection_tokens=recipe.num_detection_tokens,
        use_mid_position_embeddings=False,
        eos_coefficient=recipe.final_eos_coef,
        id2label={digit: str(digit) for digit in range(NUM_CLASSES)},
        label2id={str(digit): digit for digit in range(NUM_CLASSES)},
    )
    model = YolosForObjectDetection(config)
    embeddings = model.vit.embeddings
    for parameter in (
        embeddings.cls_token,
        embeddings.detection_tokens,
        embeddings.position_embeddings,
    ):
        # transformers leaves these at zero: tokens then begin alike, and the first LayerNorm
        # inflates gradients.
        nn.init.trunc_normal_(parameter, std=0.02)
    return model


@torch.no_grad()
def renew_detection_tokens(model, count=None, keep=0):
    """Fresh detection tokens and positions for them: YOLOS adds these to a ViT that was trained
    without.

    Args: model: a `YolosForObjectDetection`, changed in place; count: how many tokens it has from
    now on, in its config, too; keep: how many of the first keep what they have learned. [CLS] and
    the patches keep their positions. `YolosForObjectDetection.from_pretrained(...,
    num_detection_tokens=count, ignore_mismatched_sizes=True)` does not: it leaves all positions to
    chance. An optimiser must be made afterwards.

    >>> model = build_model(Recipe(hidden_size=32, layers=1))
    >>> renew_detection_tokens(model, 100, keep=12)
    >>> model(torch.zeros(1, 3, 128, 128)).logits.shape
    torch.Size([1, 100, 11])
    """
    embeddings, had = model.vit.embeddings, model.config.num_detection_tokens
    count = had if count is None else count
    if not isinstance(count, Integral) or count < 1:
        raise ValueError(f"count is {count!r}; give a whole number of detection tokens from 1 on.")
    if not isinstance(keep, Integral) or not 0 <= keep <= min(had, count):
        raise ValueError(
            f"keep is {keep!r}; of {had} tokens, {count} can keep 0 to {min(had, count)}."
        )
    count, keep = int(count), int(keep)  # config.json takes no number of NumPy
    holders = [(embeddings, "detection_tokens"), (embeddings, "position_embeddings")]
    if model.config.use_mid_position_embeddings:
        holders.append((model.vit.encoder.interpolation, "mid_position_embeddings"))
    for holder, name in holders:
        old = getattr(holder, name)
        fresh = nn.init.trunc_normal_(
            old.new_empty(*old.shape[:-2], count, old.shape[-1]), std=0.02
        )
        kept = old[..., : old.shape[-2] - had + keep, :]
        setattr(holder, name, nn.Parameter(torch.cat([kept, fresh[..., keep:, :]], dim=-2)))
    model.config.num_detection_tokens = count


@torch.no_grad()
def begin_as_class_token(model, seed):
    """Detection tokens that begin as [CLS], which looks at digits already, and differ a little: it
    halves the wait.
    """
    embeddings, generator = model.vit.embeddings, torch.Generator().manual_seed(seed)
    tokens, places = (
        embeddings.detection_tokens,
        embeddings.position_embeddings[:, 1 + PATCHES**2 :],
    )
    for part, first in (
        (tokens, embeddings.cls_token),
        (places, embeddings.position_embeddings[:, :1]),
    ):
        part.copy_(first + 0.1 * torch.randn(part.shape, generator=generator))


def build_image_processor(recipe=None):
    """The image processor of the scenes: 128 x 128 (64 x 64 if plain), paper is about 0."""
    from transformers import YolosImageProcessorPil

    recipe = recipe or Recipe()
    size = {"height": recipe.image_size, "width": recipe.image_size}
    mean, std = recipe.normalization
    return YolosImageProcessorPil(size=size, image_mean=[mean] * 3, image_std=[std] * 3)
