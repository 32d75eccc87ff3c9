# %% [markdown]
# # Solutions of [03](../03_targets.ipynb)
#
# *Would you notice if your targets were wrong?* One right answer for each exercise; there are others.

# %%
import torch

from helpers.checks.targets import check_to_targets, check_unnoticed_box

# %% [markdown]
# ## Write it yourself


# %%
def to_targets(annotation, width, height):
    things = annotation["annotations"]
    labels = torch.tensor([thing["category_id"] for thing in things], dtype=torch.int64)
    pixels = torch.tensor([thing["bbox"] for thing in things], dtype=torch.float32).reshape(-1, 4)
    left, top, box_width, box_height = pixels.unbind(-1)
    centers = torch.stack([left + box_width / 2, top + box_height / 2, box_width, box_height], dim=-1)
    return {"class_labels": labels, "boxes": centers / torch.tensor([width, height, width, height])}


used_to_targets = check_to_targets(to_targets)

# %% [markdown]
# ## Slip past the check


# %%
def unnoticed_box():
    # half of `right` must fit on either side of `left`: left >= right / 2 and left + right / 2 <= 1; likewise below
    return (0.45, 0.45, 0.7, 0.7)


check_unnoticed_box(unnoticed_box)
