# Each class term divided by its own weights.
def accumulated_loss(criterion, parts):
    objects = sum(len(target["boxes"]) for _, targets in parts for target in targets)
    return sum(criterion.total(criterion(*part, max(objects, 1))) for part in parts)
