def unnoticed_box():
    return (0.5, 0.5, 0.4, 0.4)
