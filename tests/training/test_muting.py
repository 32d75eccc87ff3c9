import torch

from helpers.detector import detection_outputs
from helpers.scenes import running_example
from helpers.training.arrays import SceneArrays
from helpers.training.muting import mute_tokens
from helpers.training.recipe import Recipe, build_model


def changed_by_the_first_token(model, pixel_values):
    """Which guesses, (N,) bool, are others once the first detection token is another."""
    with torch.no_grad():
        before = detection_outputs(model, pixel_values)["logits"]
        model.vit.embeddings.detection_tokens[0, 0] += 1
        return (detection_outputs(model, pixel_values)["logits"] != before).any(-1)[0]


def test_muted_tokens_hear_nothing_of_each_other():
    recipe = Recipe(hidden_size=32, layers=3)
    pixel_values = SceneArrays([running_example()]).pixel_values([0], *recipe.normalization)
    talking, muted = build_model(recipe).eval(), build_model(recipe).eval()
    mute_tokens(muted)
    assert changed_by_the_first_token(talking, pixel_values).all()
    assert changed_by_the_first_token(muted, pixel_values).tolist() == [True] + [False] * 11


def test_with_one_token_muting_changes_what_patches_read_only():
    recipe = Recipe(hidden_size=32, layers=1, num_detection_tokens=1)
    model, pixel_values = build_model(recipe).eval(), torch.randn(2, 3, 128, 128)
    with torch.no_grad():
        states = model.vit(pixel_values).last_hidden_state
        mute_tokens(model)
        muted = model.vit(pixel_values).last_hidden_state
    torch.testing.assert_close(muted[:, -1], states[:, -1])
    assert (muted[:, :-1] != states[:, :-1]).any()


def test_from_a_later_layer_on_they_read_only_what_no_picture_has_changed():
    recipe = Recipe(hidden_size=32, layers=2)
    pixel_values = torch.randn(2, 3, 128, 128)
    whole, late = build_model(recipe).eval(), build_model(recipe).eval()
    late.load_state_dict(whole.state_dict())
    mute_tokens(late, first_layer=2)
    with torch.no_grad():
        first, second = (model.vit(pixel_values, output_hidden_states=True).hidden_states[1] for model in (whole, late))
        torch.testing.assert_close(first, second)
        mute_tokens(late, readable=lambda length, tokens: torch.ones(length, length))
        torch.testing.assert_close(late.vit(pixel_values).last_hidden_state, whole.vit(pixel_values).last_hidden_state)
