import pytest
import torch
from batches import agree, make_batch, recorded

from helpers import as_transformers_loss
from helpers.transformers_loss import AccumulatesWholeBatches


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
    def test_yolos(self):
        agree(small_yolos(), as_transformers_loss(), torch.rand(3, 3, 32, 32), labels_for(3))

    def test_weights_come_from_the_config(self):
        model = small_yolos(
            class_cost=3,
            bbox_cost=1,
            giou_cost=4,
            bbox_loss_coefficient=3,
            giou_loss_coefficient=9,
            eos_coefficient=0.7,
        )
        agree(model, as_transformers_loss(), torch.rand(3, 3, 32, 32), labels_for(3))

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
        agree(small_detr(), as_transformers_loss(), torch.rand(3, 3, 32, 32), labels_for(3))

    def test_detr_with_auxiliary_losses(self):
        ours, theirs = agree(
            small_detr(auxiliary_loss=True), as_transformers_loss(), torch.rand(3, 3, 32, 32), labels_for(3)
        )
        assert "loss_giou_0" in ours.loss_dict
        assert len(ours.auxiliary_outputs) == len(theirs.auxiliary_outputs) == 1
        assert torch.equal(ours.auxiliary_outputs[0]["logits"], theirs.auxiliary_outputs[0]["logits"])

    def test_table_transformer(self):
        from transformers import TableTransformerConfig, TableTransformerForObjectDetection

        torch.manual_seed(0)
        model = TableTransformerForObjectDetection(TableTransformerConfig(**small_detr_config())).eval()
        agree(model, as_transformers_loss(), torch.rand(2, 3, 32, 32), labels_for(2))

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
        ours, _ = agree(model, as_transformers_loss(), torch.rand(2, 3, 32, 32), labels)
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

    @pytest.mark.parametrize("name", ["MaskFormerConfig", "BertConfig", "OwlViTConfig", "Mask2FormerConfig"])
    def test_models_nobody_knows_are_refused(self, name):
        import transformers

        outputs, targets = make_batch([2], num_classes=2)
        config = getattr(transformers, name)(num_labels=2)
        with pytest.raises(ValueError, match=f"{name} belongs to a model that as_transformers_loss does not know"):
            as_transformers_loss()(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config, None, None)

    def test_a_head_of_another_size_than_the_config(self):
        model = small_yolos()
        model.loss_function = as_transformers_loss()
        model.class_labels_classifier.layers[-1] = torch.nn.Linear(16, 3)
        with pytest.raises(ValueError, match=r"logits have 3 columns, and config\.num_labels=4 needs 5"):
            model(torch.zeros(1, 3, 32, 32), labels=labels_for(1))

    def test_layers_that_the_config_promises_and_the_call_lacks(self):
        from transformers import DetrConfig

        outputs, targets = make_batch([2], num_classes=4)
        config = DetrConfig(num_labels=4, auxiliary_loss=True)
        with pytest.raises(ValueError, match="DetrConfig has auxiliary_loss, but outputs_class and outputs_coord"):
            as_transformers_loss()(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config, None, None)

    def test_a_config_of_ones_own_that_inherits_is_served(self):
        from transformers import YolosConfig

        class MyConfig(YolosConfig):
            pass

        outputs, targets = make_batch([2], num_classes=4)
        config = MyConfig(num_labels=4)
        loss, _, _ = as_transformers_loss()(outputs["logits"], targets, "cpu", outputs["pred_boxes"], config)
        assert loss.isfinite()


class TestArguments:
    """`as_transformers_loss` takes what `SetCriterion` takes."""

    def losses(self, *divisors, **more):
        model = small_yolos()
        model.loss_function = as_transformers_loss(**more)
        found = model(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), labels=labels_for(2))
        return found.loss, found.loss_dict

    def test_weights_and_losses(self):
        loss, terms = self.losses(losses=("boxes",), weights={"loss_giou": 7.0})
        assert list(terms) == ["loss_bbox", "loss_giou"]
        assert loss.item() == pytest.approx((5 * terms["loss_bbox"] + 7 * terms["loss_giou"]).item())

    def test_eos_coef_and_terms(self):
        usual, flat = self.losses()[1], self.losses(eos_coef=1.0)[1]
        assert usual["loss_ce"].item() != flat["loss_ce"].item()
        _, terms = self.losses(terms={"count": lambda matched, criterion: {"matched": matched.num_matched}})
        assert terms["matched"] == 2

    def test_divisors_count_where_gradients_are_on(self):
        usual, divided = self.losses()[1], self.losses(num_boxes=8, class_weight_sum=3.5)[1]
        assert divided["loss_bbox"].item() == pytest.approx(usual["loss_bbox"].item() / 4)
        assert divided["loss_ce"].item() != usual["loss_ce"].item()
        with torch.no_grad():
            assert self.losses(num_boxes=8)[1]["loss_bbox"].item() == usual["loss_bbox"].item()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"matcher": 3}, "matcher is 3"),
            ({"losses": ("box",)}, "losses names 'box'"),
            ({"weights": {"loss_box": 1}}, "weights names 'loss_box'"),
            ({"num_boxes": 0}, "num_boxes is 0"),
            ({"class_weight_sum": "a"}, "class_weight_sum is 'a'"),
            ({"eos_coef": float("nan")}, "eos_coef is nan"),
        ],
    )
    def test_bad_ones_are_refused_at_once(self, arguments, words):
        with pytest.raises((TypeError, ValueError), match=words):
            as_transformers_loss(**arguments)


class Scenes(torch.utils.data.Dataset):
    """Images of one size with 0 to 5 objects, as `Trainer` takes them."""

    def __init__(self, sizes):
        _, self.labels = make_batch(sizes, num_classes=4)
        self.pixels = torch.rand(len(sizes), 3, 32, 32, generator=torch.Generator().manual_seed(3))

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"pixel_values": self.pixels[index], "labels": self.labels[index]}


def collate(scenes):
    return {"pixel_values": torch.stack([s["pixel_values"] for s in scenes]), "labels": [s["labels"] for s in scenes]}


def trained(folder, batch_size, steps, *mixins, scenes=None, plug_in=True, **more):
    """The weights after one epoch of plain gradient descent, and what evaluation said."""
    from transformers import Trainer, TrainingArguments

    model = small_yolos(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    if plug_in:
        model.loss_function = as_transformers_loss()
    arguments = TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=batch_size, gradient_accumulation_steps=steps, optim="sgd",
        learning_rate=0.05, lr_scheduler_type="constant", max_grad_norm=0, num_train_epochs=1, save_strategy="no",
        report_to=[], use_cpu=True, disable_tqdm=True, remove_unused_columns=False, per_device_eval_batch_size=2,
        label_names=["labels"], seed=0, dataloader_num_workers=0, logging_strategy="no", **more,
    )  # fmt: skip
    scenes = scenes or Scenes([5, 0, 1, 3, 0, 0, 2, 4])
    kind = type("OurTrainer", (*mixins, Trainer), {"_get_train_sampler": lambda self, *_: None})
    trainer = kind(model=model, args=arguments, data_collator=collate, train_dataset=scenes, eval_dataset=scenes)
    trainer.train()
    weights = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    return weights, trainer.evaluate()["eval_loss"]


def test_a_loss_that_was_not_plugged_in_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"model\.loss_function is not ours; set it to as_transformers_loss\(\)"):
        trained(tmp_path, 2, 4, AccumulatesWholeBatches, plug_in=False)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_accumulated_batches_are_the_big_batch(tmp_path, batch_size):
    big, evaluated = trained(tmp_path, 8, 1)
    small, evaluated_small = trained(
        tmp_path, batch_size, 8 // batch_size + (8 % batch_size > 0), AccumulatesWholeBatches
    )
    plain, _ = trained(tmp_path, batch_size, 8 // batch_size + (8 % batch_size > 0))
    assert (small - big).abs().max() < 1e-6
    assert (plain - big).abs().max() > 1e-4  # what transformers does by itself
    assert evaluated_small == pytest.approx(evaluated, rel=1e-5)
