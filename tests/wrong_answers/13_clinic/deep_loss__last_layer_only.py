from helpers import HungarianMatcher, SetCriterion


def deep_loss(model, pixel_values, targets):
    criterion = SetCriterion(HungarianMatcher(), model.config.num_labels, model.config.eos_coefficient)
    return criterion.total(criterion(model(pixel_values), targets))
