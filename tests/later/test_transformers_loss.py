import pytest
import torch
import transformers
from batches import agree, make_batch

from helpers import as_transformers_loss
from helpers.later.transformers_loss import as_focal_transformers_loss

SIZES = {"d_model": 32, "num_queries": 6, "num_labels": 4}
LAYERS = {
    f"{part}_{name}": size
    for part in ("encoder", "decoder")
    for name, size in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 16))
}


def small_model(name, **more):
    stages = (
        {"out_features": ["stage2", "stage3", "stage4"]} if name == "DeformableDetr" else {"out_features": ["stage4"]}
    )
    backbone = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], **stages)
    sizes = dict(SIZES)
    if name == "DabDetr":
        sizes["hidden_size"] = sizes.pop("d_model")
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(
        use_timm_backbone=False, backbone_config=backbone, **sizes, **LAYERS, **more
    )
    return getattr(transformers, f"{name}ForObjectDetection")(config).eval()


@pytest.mark.parametrize("more", [{}, {"auxiliary_loss": True}, {"focal_alpha": 0.4, "class_cost": 1, "giou_cost": 3}])
@pytest.mark.parametrize("name", ["DeformableDetr", "ConditionalDetr", "DabDetr"])
def test_the_numbers_and_gradients_are_transformers(name, more):
    model = small_model(name, **more)
    labels = make_batch([2, 0, 3], num_classes=4)[1]
    labels[0]["class_labels"][0] = 3  # the last column is a class
    agree(model, as_focal_transformers_loss(), torch.rand(3, 3, 64, 64), labels)


@pytest.mark.parametrize(
    "name", ["YolosConfig", "DetrConfig", "RTDetrConfig", "DFineConfig", "LwDetrConfig", "RfDetrConfig", "OwlViTConfig"]
)
def test_every_other_model_is_refused_in_a_sentence(name):
    outputs, targets = make_batch([2], num_classes=3)
    config = getattr(transformers, name)()
    with pytest.raises(ValueError, match=f"^{name} belongs to a model that as_focal_transformers_loss does not know"):
        as_focal_transformers_loss()(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config)
    if name in ("YolosConfig", "DetrConfig"):
        return
    with pytest.raises(ValueError, match=f"^{name} belongs to a model (with a focal loss|that as_transformers_loss)"):
        as_transformers_loss()(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config)


def test_what_does_not_fit_the_config_is_named():
    outputs, targets = make_batch([2], num_classes=3)
    config = transformers.ConditionalDetrConfig(num_labels=7)
    loss = as_focal_transformers_loss()
    with pytest.raises(ValueError, match=r"logits have 4 columns, and config\.num_labels is 7"):
        loss(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config)
    with pytest.raises(ValueError, match="ConditionalDetrConfig comes with masks"):
        loss(outputs["logits"], targets, "cpu", outputs["pred_boxes"], torch.zeros(1, 6, 4, 4), config)
