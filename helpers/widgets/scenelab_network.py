"""The detector as a page runs it: weights rounded to half precision, as bytes and as a model.

The rounding moves logits by some hundredths. So that page and helpers can be compared, both round.
"""

from contextlib import contextmanager
from functools import cache

from helpers.detector import load_detector

STEPS = (1000, 5000, 9000, 36000)  # earlier weights that are shipped


@cache
def page_network(step=None):
    """The detector of a step with rounded weights, in float32, and its image processor.

    >>> model, _ = page_network()
    >>> model.dtype, bool((model.vit.layernorm.bias == model.vit.layernorm.bias.half()).all())
    (torch.float32, True)
    """
    model, image_processor = load_detector(step=step)
    return model.half().float(), image_processor


def page_weights(step=None):
    """The rounded weights of a step as the bytes of a safetensors file, two bytes a number.

    >>> len(page_weights()) < 1_100_000
    True
    """
    from safetensors.torch import save

    weights = page_network(step)[0].state_dict()
    return save({name: value.half().contiguous() for name, value in weights.items()})


@contextmanager
def unread(model):
    """Meanwhile, from the second layer on, no place reads a detection token's state.

    In the first layer the tokens are parameters still, the same for every image: nothing to tell.
    """
    count = model.config.num_detection_tokens
    later = [layer.attention.attention for layer in model.vit.encoder.layer[1:]]
    hooks = [
        part.register_forward_hook(lambda module, inputs, states: states[:, :-count])
        for attention in later
        for part in (attention.key, attention.value)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
