def unnoticed_box():
    return (0.75, 0.75, 1.0, 1.0)
