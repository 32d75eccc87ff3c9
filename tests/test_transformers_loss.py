import pytest
import torch
from batches import make_batch, recorded

from helpers import as_transformers_loss


def labels_for(num_images, seed=0):
    return make_batch([2, 0, 3][:num_images], num_classes=4, seed=seed)[1]


def small_yolos(**more):
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = YolosConfig(**sizes, image_size=[32, 32], patch_size=16, num_detection_tokens=6, num_labels=4, **more)
    model = YolosForObjectDetection(config)
    torch.nn.init.normal_(model.vit.embeddings.detection_tokens)
    return model.eval()


def small_detr(**more):
    from transformers import DetrConfig, DetrForObjectDetection

    torch.manual_seed(0)
    return DetrForObjectDetection(DetrConfig(**small_detr_config(), **more)).eval()


def small_detr_config():
    from transformers import ResNetConfig

    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"])
    layers = {
        f"{part}_{name}": size
        for part in ("encoder", "decoder")
        for name, size in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 16))
    }
    return {
        "use_timm_backbone": False,
        "backbone_config": backbone,
        "d_model": 16,
        "num_queries": 6,
        "num_labels": 4,
        **layers,
    }


class TestInTransformersModels:
    def agree(self, model, pixel_values, labels, **tolerance):
        """The model's own loss, and ours in its place: the loss, its terms, and the gradient of every weight."""
        theirs = model(pixel_values=pixel_values, labels=labels)
        theirs.loss.backward()
        expected = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
        model.zero_grad()
        model.loss_function = as_transformers_loss()
        ours = model(pixel_values=pixel_values, labels=labels)
        ours.loss.backward()
        assert ours.loss.item() == pytest.approx(theirs.loss.item(), rel=1e-5)
        assert ours.loss_dict.keys() == theirs.loss_dict.keys()
        for name, value in ours.loss_dict.items():
            assert value.item() == pytest.approx(theirs.loss_dict[name].item(), rel=1e-4, abs=1e-6), name
        largest = max(float(gradient.abs().max()) for gradient in expected.values())
        for name, weight in model.named_parameters():
            if name in expected:
                assert (weight.grad - expected[name]).abs().max() < 1e-4 * largest, name
        return ours, theirs

    def test_yolos(self):
        self.agree(small_yolos(), torch.rand(3, 3, 32, 32), labels_for(3))

    def test_weights_come_from_the_config(self):
        model = small_yolos(
            class_cost=3,
            bbox_cost=1,
            giou_cost=4,
            bbox_loss_coefficient=3,
            giou_loss_coefficient=9,
            eos_coefficient=0.7,
        )
        self.agree(model, torch.rand(3, 3, 32, 32), labels_for(3))

    def test_another_matcher(self):
        model = small_yolos()
        by_index = [
            (torch.arange(2), torch.arange(2)),
            (torch.arange(0), torch.arange(0)),
            (torch.arange(3), torch.arange(3)),
        ]
        pixel_values, labels = torch.rand(3, 3, 32, 32), labels_for(3)
        usual = model(pixel_values=pixel_values, labels=labels).loss
        model.loss_function = as_transformers_loss(matcher=recorded(by_index))
        assert model(pixel_values=pixel_values, labels=labels).loss.item() > usual.item()

    def test_detr(self):
        self.agree(small_detr(), torch.rand(3, 3, 32, 32), labels_for(3))

    def test_detr_with_auxiliary_losses(self):
        ours, theirs = self.agree(small_detr(auxiliary_loss=True), torch.rand(3, 3, 32, 32), labels_for(3))
        assert "loss_giou_0" in ours.loss_dict
        assert len(ours.auxiliary_outputs) == len(theirs.auxiliary_outputs) == 1
        assert torch.equal(ours.auxiliary_outputs[0]["logits"], theirs.auxiliary_outputs[0]["logits"])

    def test_table_transformer(self):
        from transformers import TableTransformerConfig, TableTransformerForObjectDetection

        torch.manual_seed(0)
        model = TableTransformerForObjectDetection(TableTransformerConfig(**small_detr_config())).eval()
        self.agree(model, torch.rand(2, 3, 32, 32), labels_for(2))

    def test_detr_segmentation(self):
        from transformers import DetrConfig, DetrForSegmentation

        torch.manual_seed(0)
        config = small_detr_config()
        config["backbone_config"].out_features = ["stage1", "stage2", "stage3", "stage4"]
        # The head that draws masks halves its width four times in groups of eight.
        config |= {"d_model": 128, "encoder_attention_heads": 8, "decoder_attention_heads": 8}
        config["backbone_config"].hidden_sizes = [8, 8, 8, 8]
        model = DetrForSegmentation(DetrConfig(**config)).eval()
        labels = labels_for(2)
        for target in labels:
            target["masks"] = torch.rand(len(target["class_labels"]), 32, 32) > 0.5
        ours, _ = self.agree(model, torch.rand(2, 3, 32, 32), labels)
        assert "loss_dice" in ours.loss_dict

    @pytest.mark.parametrize("name", ["ConditionalDetrConfig", "DeformableDetrConfig", "DabDetrConfig", "RTDetrConfig"])
    def test_models_with_a_focal_loss_are_refused(self, name):
        import transformers

        config = getattr(transformers, name)(num_labels=4)
        # They have no column for no-object; should one of them ever get it, its config still says focal.
        outputs, targets = make_batch([2], num_classes=4 if hasattr(config, "focal_alpha") else 3)
        with pytest.raises(ValueError, match=f"{name} belongs to a model with a focal loss") as raised:
            as_transformers_loss()(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config, None, None)
        assert "\n" not in str(raised.value)
