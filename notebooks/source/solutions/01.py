# %% [markdown]
# # Solutions of [01](../01_image_to_hidden_states.ipynb)
#
# *How does a token come to know about an object?* One right answer for each exercise; there are others.

# %%
from helpers.checks.states import check_largest_image, check_pixels_of

# %% [markdown]
# ## Which pixels?


# %%
def pixels_of(position, image_width, patch_size):
    row, column = divmod(position - 1, image_width // patch_size)  # place 0 is [CLS]
    left, top = column * patch_size, row * patch_size
    return (left, top, left + patch_size, top + patch_size)


check_pixels_of(pixels_of)

# %% [markdown]
# ## The largest image


# %%
def largest_image():
    return 16 * 29  # 29² = 841 patches and 1 + 100 tokens: 942; 30² = 900 would make 1,001


check_largest_image(largest_image)
