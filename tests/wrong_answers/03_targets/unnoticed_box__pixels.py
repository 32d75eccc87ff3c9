"""In pixels."""


def unnoticed_box():
    return (58, 58, 90, 90)
