"""900 patches and 100 detection tokens: [CLS] is forgotten."""


def largest_image():
    return 480
