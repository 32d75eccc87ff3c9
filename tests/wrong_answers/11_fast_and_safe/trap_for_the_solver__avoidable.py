# A match without the NaN exists, and SciPy finds it.
def trap_for_the_solver():
    nan = float("nan")
    return [[1.0, nan], [2.0, 3.0]], 1e20
