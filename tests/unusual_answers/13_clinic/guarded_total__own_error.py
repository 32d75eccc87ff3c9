"""A ValueError of its own kind; takes terms out of the dict on the way; shape (1,)."""


class BadTerm(ValueError):
    def __init__(self, name):
        super().__init__(name)


def guarded_total(losses, weights):
    total = 0
    while losses:
        name, value = losses.popitem()
        base = name.rsplit("_", 1)[0] if name.rsplit("_", 1)[-1].isdigit() else name
        if base in weights:
            if not (value >= 0) or value == float("inf"):
                raise BadTerm(name)
            total = total + weights[base] * value
    return total.reshape(1)
