"""The choosers of notebooks 11, 12 and 13 in a real JupyterLab: another option, another page, before anything runs."""

from hand_and_eye import drawn, expect
from pieces_in_lab import keep_picture, on_projector, show, store

NAME = "pieces_choosers"
BATCH = """
from helpers.figures import speed
times = {"transformers": 0.2, "helpers": 0.1, "floor": 0.05}
rows = [{"B": B, "N": 100, "T": 7, "matcher": times, "megabytes": {}} for B in (1, 16, 64)]
speed.batch_slider(rows, batches=(1, 16, 64), batch=16)
"""
METHOD = """
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
SYMPTOM = """
from helpers.figures import clinic
clinic.symptom_list()
"""


def test_another_option_shows_another_page(page, lab):
    store(lab, NAME, [BATCH, METHOD, SYMPTOM])
    on_projector(page, lab, NAME)

    slider = show(page, "spl-pages", cell=0)
    expect(slider).to_contain_text("16 images: 11,200 pairs can be matched", use_inner_text=True)
    slider.locator(".noUi-handle").press("ArrowRight")
    slider.get_by_text("64 images: 44,800 pairs can be matched").wait_for()
    expect(slider.locator("img:visible")).to_have_count(1)
    keep_picture(page, "batch-slider")

    method = show(page, "spl-pages", cell=1)
    table = method.locator("table:visible")
    expect(table.locator("td")).to_have_count(25)
    expect(method).to_contain_text('DETR. Guesses that each target grades: "3" 1, "1" 1.', use_inner_text=True)
    method.locator("select").select_option("H-DETR")
    method.get_by_text('H-DETR. Guesses that each target grades: "3" 2, "1" 2.').wait_for()
    expect(table).to_have_count(1)
    expect(table.locator("td[style*=outline]")).to_have_count(4)

    symptom = show(page, "spl-pages", cell=2)
    expect(symptom).to_contain_text("bet first", use_inner_text=True)
    symptom.locator("select").select_option("index out of bounds")
    symptom.get_by_text("Ticket 1.").wait_for()
    symptom.locator("select").select_option("loss is NaN")
    symptom.get_by_text("Notebook 11.").wait_for()
    expect(symptom).to_contain_text("Ticket 2.", use_inner_text=True)
    expect(symptom).not_to_contain_text("Ticket 1.", use_inner_text=True)

    marks = "all => all.filter(e => getComputedStyle(e, '::before').content !== 'none').length"
    drawn(page)
    assert page.locator(".spl-pages, .spl-pages .jupyter-widgets-disconnected").evaluate_all(marks) == 0
    assert not page.errors
