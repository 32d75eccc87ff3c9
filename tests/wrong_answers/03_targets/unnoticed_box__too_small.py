def unnoticed_box():
    return (0.5, 0.5, 0.55, 0.55)
