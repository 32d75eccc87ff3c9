"""The checks of notebook 01: which pixels a place in the sequence sees, and the largest image that
fits.
"""

from helpers.checks import ERROR_WIDTH, MALFORMED, as_numbers, attempt, whole
from helpers.meters import one_line

PATCH_SIZE, NUM_DETECTION_TOKENS, LONGEST = 16, 100, 1000  # of the second exercise


def check_pixels_of(pixels_of):
    """Notebook 01: `pixels_of(position, image_width, patch_size) -> (left, top, right, bottom)` of
    a patch.
    """
    verdict = judge_pixels_of(pixels_of)
    print(verdict)
    if verdict.startswith("not yet"):
        _draw_patch(attempt(pixels_of, 20, 128, 16)[0])


def expected_pixels(position, image_width, patch_size):
    """What the exercise asks for."""
    row, column = divmod(position - 1, image_width // patch_size)
    return (
        column * patch_size,
        row * patch_size,
        (column + 1) * patch_size,
        (row + 1) * patch_size,
    )


def judge_pixels_of(pixels_of):
    """The verdict: the running example's sequence, then a wide image with larger patches."""
    for width, patch_size, positions in ((128, 16, (1, 8, 9, 20, 64)), (320, 32, (1, 11, 24))):
        for position in positions:
            case = (position, width, patch_size)
            answer, fault = attempt(pixels_of, *case, case=f", for pixels_of{case}")
            if fault:
                return fault
            numbers = as_numbers(answer)
            if numbers is None or numbers.numel() != 4:
                return (
                    f"not yet: pixels_of{case} is {one_line(repr(answer), ERROR_WIDTH)}. Hint: "
                    "return four numbers."
                )
            answer = tuple(numbers.flatten().tolist())
            if answer != expected_pixels(*case):
                return (
                    f"not yet: pixels_of{case} is {_plain(answer)}. "
                    f"{_pixels_hint(pixels_of, case, answer)}"
                )
    return (
        "correct: [CLS] stands in front, then the patches row by row, whatever the width of the "
        "image."
    )


def _pixels_hint(pixels_of, case, answer):
    position, width, patch_size = case
    left, top, right, bottom = expected_pixels(*case)
    named = {
        "Right and bottom are of the last pixel. Hint: a box ends where the next patch begins": (
            left, top, right - 1, bottom - 1,
        ),
        "That is the next patch. Hint: place 0 is [CLS], so the first patch is at place 1": (
            expected_pixels(position + 1, width, patch_size)
        ),
        (
            "Rows and columns are swapped. Hint: the sequence goes along a row first"
        ): (top, left, bottom, right),
        "Those are left, top, width, height. Hint: right is left plus the patch size": (
            left, top, patch_size, patch_size,
        ),
        "Those are rows and columns of patches. Hint: multiply by the patch size": tuple(
            value / patch_size for value in (left, top, right, bottom)
        ),
        (
            "It takes eight patches a row for granted. Hint: image_width // patch_size"
        ): expected_pixels(
            position, 8 * patch_size, patch_size
        ),
        "It takes 16 for granted. Hint: use patch_size": expected_pixels(position, width, 16),
    }  # fmt: skip
    for sentence, values in named.items():
        if answer == values:
            return f"{sentence}."
    return "Hint: which row of patches, and which column? divmod gives both."


def _plain(answer):
    return tuple(int(value) if value.is_integer() else value for value in answer)


def _draw_patch(answer, position=20):
    """Where it can be drawn: the reader's patch for one place, beside the right one."""
    from helpers import figures
    from helpers.scenes import running_example

    numbers = as_numbers(answer)
    if numbers is None or numbers.numel() != 4 or not numbers.isfinite().all():
        return
    left, top, right, bottom = numbers.flatten().tolist()
    image, _ = running_example()
    figure, axes = figures.new_figure(4.6, 4.6)
    figures.draw_image(axes, image, f"Place {position} of the sequence")
    figures.draw_box(axes, expected_pixels(position, 128, 16), figures.TARGET, "-", "the patch")
    figures.draw_box(
        axes, (left, top, right, bottom), figures.PREDICTION, figures.DASHES, "yours", at="bottom"
    )
    axes.set(xlim=(-8, 144), ylim=(144, -8))
    figures.show(figure, f"The patch at place {position} in orange, your answer in dashed blue.")


def check_largest_image(largest_image):
    """Notebook 01: the side of the largest square image whose sequence has at most 1,000 places."""
    answer, fault = attempt(largest_image)
    print(fault or judge_largest_image(answer))


def judge_largest_image(answer):
    """The verdict on one number of pixels."""
    try:
        side = whole(answer)
    except MALFORMED:
        return "not yet: that is no whole number. Hint: return the side in pixels, for example 224."
    if side in (29, 30, 31):
        return f"not yet: {side} is a number of patches. Hint: times the patch size."
    if side <= 0 or side % PATCH_SIZE:
        return f"not yet: {side} is no whole number of patches. Hint: a multiple of {PATCH_SIZE}."
    patches = (side // PATCH_SIZE) ** 2
    length = 1 + patches + NUM_DETECTION_TOKENS
    sentence = f"{side} pixels make {patches} patches and S = {length}"
    if length == LONGEST + 1:
        return f"not yet: {sentence}. Hint: one too long; who stands at place 0?"
    if length > LONGEST:
        hint = (
            "patches share the sequence with [CLS] and the detection tokens"
            if patches <= LONGEST
            else "S grows with the square of the side"
        )
        return f"not yet: {sentence}, too long. Hint: {hint}."
    next_length = 1 + (side // PATCH_SIZE + 1) ** 2 + NUM_DETECTION_TOKENS
    if next_length <= LONGEST:
        return f"not yet: {sentence}; there is room. Hint: try {side + PATCH_SIZE}."
    return (
        f"correct: {sentence}.\nOne more row and column of patches would make it {next_length}, "
        "too long."
    )
