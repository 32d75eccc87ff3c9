# The usual way.
def accumulated_loss(criterion, parts):
    return sum(criterion.total(criterion(*part)) for part in parts) / len(parts)
