from helpers import HungarianMatcher, SetCriterion
from helpers.detector import detection_outputs


def deep_loss(model, pixel_values, targets):
    if any(len(target["boxes"]) >= model.config.num_detection_tokens for target in targets):
        raise ValueError("too many objects")
    criterion = SetCriterion(HungarianMatcher(), model.config.num_labels, model.config.eos_coefficient)
    return criterion.total(criterion(detection_outputs(model, pixel_values), targets))
