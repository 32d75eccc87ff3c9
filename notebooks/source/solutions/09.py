# %% [markdown]
# # Solutions of [09](../09_watch_it_learn.ipynb)
#
# *What does it learn first?* One right answer for each exercise; there are others.

# %%
import numpy as np
import torch

from helpers.checks.learning import check_end_of_plateau, check_hide_duplicates
from helpers.detector import decode, load_detector, weights_folder
from helpers.scenes import HandwrittenScenes
from helpers.training.recording import load_recording

recording = load_recording(weights_folder() / "recording.npz")
model, image_processor = load_detector()
images, annotations = zip(*HandwrittenScenes("test", 150, seed=4))
annotations = [annotation["annotations"] for annotation in annotations]
with torch.no_grad():
    found = decode(model(image_processor(list(images), return_tensors="pt")["pixel_values"]), [(128, 128)] * 150)

# %% [markdown]
# ## A flood that AP does not see


# %%
def hide_duplicates(found):
    twice = {name: torch.cat([found[name], found[name]]) for name in ("boxes", "labels")}
    scores = torch.cat([0.75 + found["scores"] / 4, 0.5 + found["scores"] / 4])
    return {**twice, "scores": scores}


check_hide_duplicates(hide_duplicates, found[:150], annotations[:150])

# %% [markdown]
# ## Find the end of the wait


# %%
def end_of_plateau(step, curve):
    smooth = np.convolve(np.pad(curve, 2, mode="edge"), np.ones(5) / 5, "valid")
    ahead = smooth[:-8] - smooth[8:]  # the fall within the next 400 steps
    flat = ahead < 0.1 * ahead.max()
    start = flat.argmax()  # the first flat point
    return step[start + (~flat[start:]).argmax()]  # and the next that is not


check_end_of_plateau(end_of_plateau, recording)
