"""A criterion for each layer, in float64."""

from helpers import HungarianMatcher, SetCriterion
from helpers.detector import detection_outputs


def deep_loss(model, pixel_values, targets):
    most = max(len(target["boxes"]) for target in targets)
    if most > model.config.num_detection_tokens:
        raise ValueError(f"{most} objects in an image, {model.config.num_detection_tokens} tokens")
    outputs = detection_outputs(model, pixel_values)
    criterion = SetCriterion(HungarianMatcher(), model.config.num_labels, model.config.eos_coefficient)
    layers = [outputs, *outputs.pop("auxiliary_outputs")]
    total = 0
    for layer in layers:
        terms = criterion({name: layer[name].double() for name in ("logits", "pred_boxes")}, targets)
        total = total + terms["loss_ce"] + 5 * terms["loss_bbox"] + 2 * terms["loss_giou"]
    return total
