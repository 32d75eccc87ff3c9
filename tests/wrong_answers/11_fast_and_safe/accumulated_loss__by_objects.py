# All terms weighted by objects.
def accumulated_loss(criterion, parts):
    objects = sum(len(target["boxes"]) for _, targets in parts for target in targets)
    totals = [(criterion.total(criterion(*part)), sum(len(t["boxes"]) for t in part[1])) for part in parts]
    return sum(total * count for total, count in totals) / max(objects, 1)
