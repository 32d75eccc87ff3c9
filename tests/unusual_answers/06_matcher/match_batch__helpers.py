"""The matcher itself."""

from helpers import HungarianMatcher


def match_batch(outputs, targets):
    return HungarianMatcher()(outputs, targets)
