"""Undoes each part's own division, and empties the list on the way; shape (1,)."""


def accumulated_loss(criterion, parts):
    boxes, weights, count, above = 0, 0, 0, 0
    while parts:
        outputs, targets = parts.pop()
        objects, guesses = sum(len(target["boxes"]) for target in targets), outputs["logits"].shape[:2].numel()
        weight = objects + criterion.eos_coef * (guesses - objects)
        terms = criterion(outputs, targets)
        boxes = boxes + (5 * terms["loss_bbox"] + 2 * terms["loss_giou"]) * objects
        above = above + terms["loss_ce"] * weight
        count, weights = count + objects, weights + weight
    return (above / weights + boxes / max(count, 1)).reshape(1)
