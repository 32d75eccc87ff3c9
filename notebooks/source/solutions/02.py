# %% [markdown]
# # Solutions of [02](../02_detection_tokens.ipynb)
#
# *What is token F for?* One right answer for each exercise; there are others.

# %%
import torch

from helpers.checks.tokens import check_order_of_slots, check_slice_detection_states
from helpers.detector import load_detector
from helpers.scenes import running_example

model, image_processor = load_detector()
image, annotation = running_example()
inputs = image_processor(images=[image], annotations=[annotation], return_tensors="pt")
targets = [{name: inputs["labels"][0][name] for name in ("class_labels", "boxes")}]
with torch.no_grad():
    outputs = model(inputs["pixel_values"])

# %% [markdown]
# ## Slice the detection states


# %%
def slice_detection_states(last_hidden_state, num_detection_tokens):
    return last_hidden_state[:, -num_detection_tokens:]


used_slice = check_slice_detection_states(slice_detection_states)

# %% [markdown]
# ## Put the slots in order


# %%
def order_of_slots(prediction_index, target_index, num_tokens):
    matched = prediction_index[target_index.argsort()].tolist()  # in the labels' order
    return matched + [token for token in range(num_tokens) if token not in matched]


check_order_of_slots(order_of_slots, outputs, targets)
