"""In float64."""


def accumulated_loss(criterion, parts):
    objects = sum(len(target["boxes"]) for _, targets in parts for target in targets)
    guesses = sum(len(logits) for outputs, _ in parts for logits in outputs["logits"])
    weights = objects + criterion.eos_coef * (guesses - objects)
    total = 0
    for outputs, targets in parts:
        outputs = {name: value.double() for name, value in outputs.items()}
        targets = [
            {name: v.double() if v.is_floating_point() else v for name, v in target.items()} for target in targets
        ]
        total = total + criterion.total(criterion(outputs, targets, max(objects, 1), weights))
    return total
