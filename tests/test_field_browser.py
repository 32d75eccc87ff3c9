"""The chooser of notebook 12 in a real JupyterLab: another method, another page, before anything runs."""

from pieces_in_lab import keep_picture, on_projector, show, store

NAME = "pieces_chooser"
CELL = """
import torch
from PIL import Image
from helpers.figures import field
outputs = {"logits": torch.zeros(1, 12, 11), "pred_boxes": torch.full((1, 12, 4), 0.5)}
targets = {"class_labels": torch.tensor([3, 1]), "boxes": torch.full((2, 4), 0.4)}
matches = {
    "DETR": (torch.tensor([0, 1]), torch.tensor([0, 1])),
    "H-DETR": (torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 0, 1])),
}
costs = dict.fromkeys(matches, torch.rand(12, 2))
field.method_chooser(Image.new("RGB", (64, 64), "white"), outputs, targets, matches, costs, "DETR")
"""


def test_another_method_shows_another_page(page, lab):
    store(lab, NAME, [CELL])
    chooser = show(on_projector(page, lab, NAME), "widget-vbox")
    table = chooser.locator("table:visible")
    assert table.locator("td").count() == 24
    assert 'DETR. Guesses that each target grades: "3" 1, "1" 1.' in chooser.inner_text()
    chooser.locator("select").select_option("H-DETR")
    chooser.get_by_text('H-DETR. Guesses that each target grades: "3" 2, "1" 2.').wait_for()
    assert table.count() == 1
    assert table.locator("td[style*=outline]").count() == 4
    assert not page.errors
    keep_picture(page, "chooser")
