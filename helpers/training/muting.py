"""Detection tokens that do not talk: each reads [CLS], the patches and itself, and nobody reads it.

What such a network answers at one token depends on no other token, so whatever keeps two of them
from claiming one object, it is no conversation.
"""

import torch
from torch.nn import functional as F

MUTED = "muted_detection_tokens"  # among transformers' attention functions


def mute_tokens(model, first_layer=1, readable=None):
    """Mute the detection tokens of a `YolosForObjectDetection`; changes it in place.

    Args:
        first_layer: the first layer in which they are mute, counted from 1.
        readable: another rule than `may_read`, called in the same way.

    It is not saved with the weights: call it again on a model that was loaded.

    >>> from helpers.training.recipe import Recipe, build_model
    >>> model = build_model(Recipe(hidden_size=32, layers=2, num_detection_tokens=3)).eval()
    >>> mute_tokens(model)
    >>> states = model.vit(torch.zeros(1, 3, 128, 128)).last_hidden_state
    >>> with torch.no_grad():
    ...     model.vit.embeddings.detection_tokens[0, 0] += 1
    >>> changed = model.vit(torch.zeros(1, 3, 128, 128)).last_hidden_state != states
    >>> changed.any(-1)[0, -3:]  # who noticed that the first token is another
    tensor([ True, False, False])
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(MUTED, _attend)
    model.config._attn_implementation = MUTED
    for layer in model.vit.encoder.layer[first_layer - 1 :]:
        layer.attention.attention.readable = readable or may_read


def may_read(length, num_detection_tokens):
    """Who may read whom: (S, S) bool, rows read columns.

    >>> may_read(4, 2).int()
    tensor([[1, 1, 0, 0],
            [1, 1, 0, 0],
            [1, 1, 1, 0],
            [1, 1, 0, 1]], dtype=torch.int32)
    """
    readable = torch.eye(length, dtype=torch.bool)
    readable[:, : length - num_detection_tokens] = True
    return readable


def _attend(module, query, key, value, attention_mask=None, scaling=None, dropout=0.0, **_):
    mask, readable = None, getattr(module, "readable", None)
    if readable is not None:
        mask = readable(key.shape[-2], module.config.num_detection_tokens)
        mask = torch.as_tensor(mask, dtype=torch.bool, device=query.device)
    read = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, scale=scaling
    )
    return read.transpose(1, 2).contiguous(), None
