"""The stored pictures of the lecture, and how large a slide of 1280 by 720 shows them."""

from dataclasses import dataclass

from tools import plan, talk

ALONE, BESIDE_WORDS = 1264, 1180  # the widest that a picture may be: see `deck.css`
ONE_LINE = 100  # letters of a caption
LEFT = {  # the height that words above it leave to a picture, in pixels
    "results: draw_course_map(": 400,
    "picture: drawn.street_figure(": 380,
    "results: without, _ = running_example(hidden": 460,
}


@dataclass
class Shown:
    """A picture on a slide: its notebook, what the list calls its cell, and the room that the slide has for it."""

    of: str
    phrase: str
    width: int
    height: int

    def scale(self, width, height):
        """How many pixels of the slide show one of the picture's."""
        return min(self.width / width, self.height / height)


def pictures(listed, notebooks):
    """All stored pictures of a lecture, in order."""
    result = []
    for slide, pairs in zip(listed.slides, plan.named(listed, notebooks)):
        blocks = [(phrase, block) for phrase, pair in zip(slide.cells, pairs) for block in talk.part_of(*pair)]
        for phrase, block in blocks:
            if block.result and talk.kind_of(block.cell.outputs) == "picture":
                caption = max(output.data.get("text/markdown", "") for output in block.cell.outputs)
                alone = ALONE, 670 if len(caption) <= ONE_LINE + 2 else 655
                result.append(Shown(slide.of, phrase, *(alone if len(blocks) == 1 else (BESIDE_WORDS, LEFT[phrase]))))
    return result
