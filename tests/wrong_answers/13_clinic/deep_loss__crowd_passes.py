from helpers import HungarianMatcher, SetCriterion
from helpers.detector import detection_outputs


def deep_loss(model, pixel_values, targets):
    criterion = SetCriterion(HungarianMatcher(), model.config.num_labels, model.config.eos_coefficient)
    return criterion.total(criterion(detection_outputs(model, pixel_values), targets))
