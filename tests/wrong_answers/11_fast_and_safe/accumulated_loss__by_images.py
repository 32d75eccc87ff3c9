"""Weighted by images."""


def accumulated_loss(criterion, parts):
    images = sum(len(targets) for _, targets in parts)
    return sum(len(part[1]) / images * criterion.total(criterion(*part)) for part in parts)
