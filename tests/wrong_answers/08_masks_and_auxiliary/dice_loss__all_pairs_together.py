"""One overlap of all pairs, three times."""


def dice_loss(mask_logits, ink):
    probability = mask_logits.sigmoid()
    overlap = (probability * ink).sum()
    loss = 1 - (2 * overlap + 1) / (probability.sum() + ink.sum() + 1)
    return loss.expand(len(ink))
