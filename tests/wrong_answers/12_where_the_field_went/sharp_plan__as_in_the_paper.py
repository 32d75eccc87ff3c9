def sharp_plan(cost):
    return 0.1, 50
