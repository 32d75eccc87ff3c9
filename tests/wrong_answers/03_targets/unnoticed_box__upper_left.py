def unnoticed_box():
    return (0.1, 0.1, 0.4, 0.4)
