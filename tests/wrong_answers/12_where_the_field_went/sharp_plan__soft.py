def sharp_plan(cost):
    return 0.3, 2000
