"""The check of notebook 00."""

from itertools import combinations

from helpers.checks import MALFORMED, attempt, whole


def check_gentlest_swap(gentlest_swap, positional_loss, names):
    """Notebook 00: which two labels can change places at the least cost to a loss that pairs by
    position?

    Args: the reader's function, which returns two positions; `positional_loss(order) -> float`; the
    label names."""
    answer, fault = attempt(gentlest_swap)
    print(fault or _judge_swap(answer, positional_loss, names))


def _judge_swap(answer, positional_loss, names):
    try:
        first, second = sorted(whole(place) for place in answer)
    except MALFORMED:
        return (
            "not yet: that is no pair of positions. Hint: two places in the list of labels, for "
            "example (0, 2)."
        )
    if not 0 <= first < second < len(names):
        return (
            f"not yet: {answer} is no swap. Hint: two different numbers from 0 to {len(names) - 1}."
        )
    costs = {
        pair: positional_loss(_swapped(len(names), *pair))
        for pair in combinations(range(len(names)), 2)
    }
    least = min(costs, key=costs.get)
    yours = f"swapping {names[first]} and {names[second]} gives {costs[first, second]:.2f}"
    if (first, second) == least:
        return (
            f"correct: {yours}, the least of all ten.\nThe classes still agree, only the boxes do "
            "not."
        )
    if (first - 1, second - 1) == least:
        return (
            f"not yet: {yours}, but another swap costs less. Hint: did you count from 1? Positions "
            "count from 0."
        )
    return (
        f"not yet: {yours}, but another swap costs less. Hint: which two labels can stand in for "
        "each other?"
    )


def _swapped(length, first, second):
    order = list(range(length))
    order[first], order[second] = order[second], order[first]
    return order
