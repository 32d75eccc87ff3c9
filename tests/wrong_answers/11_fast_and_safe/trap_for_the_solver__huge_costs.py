# Costs that no matcher has.
def trap_for_the_solver():
    nan = float("nan")
    return [[nan, 6e6], [nan, 2e6]], 1e30
