"""Width and height."""


def largest_image():
    return (464, 464)
