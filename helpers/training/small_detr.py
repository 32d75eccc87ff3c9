"""A small DETR: the decoder of transformers before the eyes of a finished detector.

The eyes are frozen, so that a run takes minutes: whatever two runs differ in, they see the same."""

import hashlib
import math

import numpy as np
import torch
from torch import nn

from helpers.scenes import NUM_CLASSES
from helpers.training.arrays import in_parts
from helpers.training.more_positives import Denoiser
from helpers.training.recipe import HEADS, PATCHES
from helpers.training.stage import replace_whole


class SmallDetr(nn.Module):
    """Queries that read patches, as transformers' `DetrDecoder` does it.

    Args:
        eyes: a finished `YolosForObjectDetection` whose patches read no detection token, see
            `helpers.training.muting`; changed in place: it is frozen.
        recipe: its `hidden_size`, `layers`, `num_detection_tokens` and `seed`.
        more: sizes of further groups of queries, in training only. A query hears of its group.
        silent: without self-attention, so that no query hears of another.
        sigmoid: a column for each class and none for no-object; `decode` reads it as it is.
        denoising: with a `Denoiser`, for training.

    Called with images (B, 3, H, W), or with what the eyes saw of them (B, P, D), it returns
    `logits` (B, N, K + 1), `pred_boxes` (B, N, 4) and `auxiliary_outputs`, the same of the earlier
    layers. `depth` chooses the layer that answers.
    """

    def __init__(self, eyes, recipe, more=(), silent=False, sigmoid=False, denoising=False):
        from transformers.models.yolos.modeling_yolos import YolosMLPPredictionHead

        super().__init__()
        torch.manual_seed(recipe.seed)
        width, self.num_queries, self.depth = recipe.hidden_size, recipe.num_detection_tokens, -1
        self.eyes, self.decoder = eyes.requires_grad_(False), build_decoder(width, recipe.layers)
        sizes = torch.tensor([self.num_queries, *more])
        self.group, self.sigmoid = torch.arange(len(sizes)).repeat_interleave(sizes), sigmoid
        self.queries = nn.Parameter(torch.randn(len(self.group), width))
        self.places = nn.Parameter(0.02 * torch.randn(1, PATCHES**2, width))
        columns = NUM_CLASSES if sigmoid else NUM_CLASSES + 1
        self.class_labels_classifier = YolosMLPPredictionHead(width, width, columns, 3)
        self.bbox_predictor = YolosMLPPredictionHead(width, width, 4, 3)
        if sigmoid:  # each class begins at a probability of 0.01, as in Deformable DETR
            nn.init.constant_(self.class_labels_classifier.layers[-1].bias, -math.log(99))
        if denoising:
            self.denoiser = Denoiser(width)
        for layer in self.decoder.layers if silent else ():
            layer.self_attn = NoAttention()

    def forward(self, seen):
        memory = see(self.eyes, seen) if seen.ndim == 4 else seen
        asked = len(self.queries) if self.training else self.num_queries
        places = self.queries[:asked].expand(len(memory), -1, -1)
        return self.read(memory, torch.zeros_like(places), places, self.group[:asked])

    def read(self, memory, contents, places, group):
        """What queries (B, N, D) with their places (B, N, D) find in the memory (B, P, D).

        Args: group (N,): queries hear of those with the same number only.
        """
        from transformers.models.detr.modeling_detr import DetrObjectDetectionOutput

        heard, outputs = group[:, None] == group, []
        for layer in self.decoder.layers:
            contents = layer(
                contents,
                attention_mask=None if heard.all() else heard[None, None],
                spatial_position_embeddings=self.places,
                object_queries_position_embeddings=places,
                encoder_hidden_states=memory,
            )
            states = self.decoder.layernorm(contents)
            logits, boxes = (
                self.class_labels_classifier(states),
                self.bbox_predictor(states).sigmoid(),
            )
            logits = as_softmax(logits) if self.sigmoid and not self.training else logits
            outputs.append({"logits": logits, "pred_boxes": boxes})
        *earlier, last = outputs[: self.depth % len(outputs) + 1]
        return DetrObjectDetectionOutput(**last, auxiliary_outputs=earlier)

    def save_pretrained(self, folder):
        """Keep the weights, as transformers' models do."""
        from safetensors.torch import save_file

        folder.mkdir(exist_ok=True)
        weights = {name: part.contiguous() for name, part in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


class NoAttention(nn.Module):
    """In place of self-attention: adds nothing, so that each query keeps what it knows."""

    def forward(self, hidden_states, **_):
        return torch.zeros_like(hidden_states), None


def as_softmax(logits):
    """Logits of a softmax that says of the best class what its sigmoid said: (..., K) -> (..., K +
    1).

    >>> as_softmax(torch.tensor([1.0, -1.0])).softmax(-1), torch.tensor(1.0).sigmoid()
    (tensor([0.7311, 0.0000, 0.2689]), tensor(0.7311))
    """
    best = logits == logits.amax(-1, keepdim=True)
    return nn.functional.pad(logits.where(best, -1e4), (0, 1))  # e^z / (e^z + e^0)


def build_decoder(width, layers):
    """A `DetrDecoder` of transformers without dropout, with fresh weights as DETR's authors draw
    them: those of transformers are so small that nothing is learned for a long time.
    """
    from transformers import DetrConfig
    from transformers.models.detr.modeling_detr import DetrDecoder

    sizes = {"d_model": width, "decoder_layers": layers, "decoder_ffn_dim": 2 * width}
    calm = dict.fromkeys(("dropout", "attention_dropout", "activation_dropout"), 0.0)
    decoder = DetrDecoder(DetrConfig(**sizes, **calm, decoder_attention_heads=HEADS))
    for parameter in decoder.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
    return decoder


@torch.no_grad()
def see(eyes, pixel_values):
    """What detection tokens read in the last layer: the patches before it, normalised (B, P, D)."""
    states = eyes.vit(pixel_values, output_hidden_states=True).hidden_states[-2]
    patches = states[:, 1 : -eyes.config.num_detection_tokens]
    return nn.functional.layer_norm(patches, patches.shape[-1:])


class SeenScenes:
    """The scenes of a `SceneArrays` as frozen eyes see them: in place of pixels, what `see` says.

    Args: arrays: a `SceneArrays`, beside whose file what is seen is kept; eyes: a finished
    detector; normalization: the mean and the standard deviation of `pixel_values`.
    """

    def __init__(self, arrays, eyes, normalization):
        self.targets = arrays.targets
        kept = arrays.path and arrays.path.with_suffix(f".seen-{digest(eyes)}.npy")
        if kept and kept.exists():
            self.memory = np.load(kept, mmap_mode="r", allow_pickle=False)
            return
        seen = [
            see(eyes.eval(), arrays.pixel_values(part, *normalization))
            for part in in_parts(len(arrays))
        ]
        self.memory = np.concatenate([part.half().numpy() for part in seen])  # (M, P, D)
        if kept:
            replace_whole(kept, lambda aside: save_open(aside, self.memory))

    def __len__(self):
        return len(self.memory)

    def pixel_values(self, indices, mean, std):
        """What the eyes saw of some scenes: (B, P, D)."""
        return torch.from_numpy(self.memory[indices]).float()


def digest(model):
    """Eight letters that change with the weights of a model."""
    weights = b"".join(part.numpy().tobytes() for part in model.state_dict().values())
    return hashlib.sha256(weights).hexdigest()[:8]


def save_open(path, array):
    """`np.save` under the very name that is given."""
    with open(path, "wb") as file:
        np.save(file, array)
