def sharp_plan(cost):
    return 0.001, 100
