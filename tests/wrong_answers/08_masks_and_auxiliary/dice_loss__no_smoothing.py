def dice_loss(mask_logits, ink):
    probability = mask_logits.sigmoid()
    overlap = (probability * ink).sum(1)
    return 1 - (2 * overlap) / (probability.sum(1) + ink.sum(1))
