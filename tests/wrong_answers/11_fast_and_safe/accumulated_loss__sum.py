# Each part divided by its own.
def accumulated_loss(criterion, parts):
    return sum(criterion.total(criterion(*part)) for part in parts)
