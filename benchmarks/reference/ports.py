"""What a person meets who fine-tunes one of DETR's children in transformers, each on small tensors."""

import warnings
from types import SimpleNamespace

import torch
from transformers import ConditionalDetrConfig, ConditionalDetrImageProcessorPil, RTDetrImageProcessorPil
from transformers.loss import loss_deformable_detr, loss_grounding_dino, loss_lw_detr, loss_rf_detr
from transformers.loss.loss_for_object_detection import HungarianMatcher as ReferenceMatcher

NUM_CLASSES = 5


def boxes(*shape, seed=0):
    """Random centre boxes inside the picture: (*shape, 4)."""
    generator = torch.Generator().manual_seed(seed)
    sides = 0.1 + 0.2 * torch.rand(*shape, 2, generator=generator)
    return torch.cat([sides / 2 + (1 - sides) * torch.rand(*shape, 2, generator=generator), sides], -1)


def target(count, seed=1, num_classes=NUM_CLASSES):
    """One image's target of `count` objects."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(num_classes, (count,), generator=generator)
    return {"class_labels": labels, "boxes": boxes(count, seed=seed)}


def infinite_from(dtype, right=False):
    """The least logit, in tenths, from which LW-DETR's and RF-DETR's class loss is infinite: of a *wrong* class, or of
    the right one, whose box is not perfect.
    """
    criterion = loss_lw_detr.LwDetrImageLoss(None, NUM_CLASSES, 0.25, ["labels"], group_detr=1)
    pairs = [(torch.tensor([0]), torch.tensor([0]))]
    place = (0, int(target(1)["class_labels"])) if right else (1, 3)
    for tenths in range(10, 300):
        logits = torch.zeros(1, 2, NUM_CLASSES, dtype=dtype)
        logits[(0, *place)] = tenths / 10
        outputs = {"logits": logits, "pred_boxes": boxes(1, 2).to(dtype)}
        if criterion.loss_labels(outputs, [target(1)], pairs, 1)["loss_ce"].isinf():
            return tenths / 10
    return None


def softmax_over_the_batch():
    """RT-DETR's scores without the focal loss, of one image alone and beside another: the largest of each."""
    logits = torch.randn(2, 3, NUM_CLASSES + 1, generator=torch.Generator().manual_seed(0))
    process = RTDetrImageProcessorPil().post_process_object_detection

    def best(part):
        answer = SimpleNamespace(logits=part, pred_boxes=boxes(len(part), 3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that no dimension was named, which is the fault
            (found, *_) = process(answer, threshold=0.0, use_focal_loss=False)
        return round(float(found["scores"].max()), 2)

    return best(logits[:1]), best(logits)


def classes_returned():
    """The classes that Conditional DETR's instance post-processing returns when each of its five is sure once."""
    logits = torch.full((1, NUM_CLASSES, NUM_CLASSES), -10.0)
    logits[0].fill_diagonal_(10.0)
    masks = torch.full((1, NUM_CLASSES, 20, 20), -10.0)
    for index in range(NUM_CLASSES):
        masks[0, index, 4 * index : 4 * index + 4] = 10.0
    answer = SimpleNamespace(logits=logits, pred_masks=masks)
    (found,) = ConditionalDetrImageProcessorPil().post_process_instance_segmentation(answer, target_sizes=[(20, 20)])
    return sorted(segment["label_id"] for segment in found["segments_info"])


def matched_by_softmax(images=200):
    """In how many of `images` random images Conditional DETR's two losses, boxes and masks, choose another match.

    Both train the same sigmoid head; the one for segmentation matches with DETR's own matcher, which takes a softmax.
    """
    by_softmax = ReferenceMatcher(class_cost=2, bbox_cost=5, giou_cost=2)
    by_sigmoid = loss_deformable_detr.DeformableDetrHungarianMatcher(class_cost=2, bbox_cost=5, giou_cost=2)
    changed = 0
    for seed in range(images):
        generator = torch.Generator().manual_seed(seed)
        outputs = {"logits": 2 * torch.randn(1, 20, 20, generator=generator), "pred_boxes": boxes(1, 20, seed=seed)}
        targets = [target(7, seed + images, num_classes=20)]
        one, other = (matcher(outputs, targets)[0] for matcher in (by_softmax, by_sigmoid))
        changed += [index.tolist() for index in one] != [index.tolist() for index in other]
    return changed


def with_class_coefficient(value):
    """Conditional DETR's total loss with `cls_loss_coefficient` set to `value`."""
    config = ConditionalDetrConfig(num_labels=NUM_CLASSES, cls_loss_coefficient=value, auxiliary_loss=False)
    logits = torch.randn(1, 6, NUM_CLASSES, generator=torch.Generator().manual_seed(0))
    loss, *_ = loss_deformable_detr.DeformableDetrForObjectDetectionLoss(
        logits, [target(2)], "cpu", boxes(1, 6), config
    )
    return round(float(loss), 4)


def losses_of_one_image(times=10):
    """How many different matches' costs RF-DETR's segmentation matcher finds in `times` calls, and its points."""
    matcher = loss_rf_detr.RfDetrHungarianMatcher(mask_point_sample_ratio=16)
    generator = torch.Generator().manual_seed(0)
    outputs = {
        "logits": torch.randn(1, 12, NUM_CLASSES, generator=generator),
        "pred_boxes": boxes(1, 12),
        "pred_masks": torch.randn(1, 12, 24, 24, generator=generator),
    }
    targets = [{**target(2), "masks": (torch.rand(2, 96, 96, generator=generator) > 0.5).float()}]
    seen, points = set(), set()
    sample, cost = loss_rf_detr.sample_point, loss_rf_detr.pair_wise_sigmoid_cross_entropy_loss

    def watched_sample(values, coordinates, **options):
        points.add(coordinates.shape[1])
        return sample(values, coordinates, **options)

    def watched_cost(*arguments):
        result = cost(*arguments)
        seen.add(round(float(result.sum()), 4))
        return result

    loss_rf_detr.sample_point, loss_rf_detr.pair_wise_sigmoid_cross_entropy_loss = watched_sample, watched_cost
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for _ in range(times):
                matcher.eval()(outputs, targets, 1)
    finally:
        loss_rf_detr.sample_point, loss_rf_detr.pair_wise_sigmoid_cross_entropy_loss = sample, cost
    return len(seen), points.pop()


def words_taught():
    """Which words Grounding DINO teaches three images, each with one object of class 0 and phrases of its own.

    The words of image i are numbered from 10 i on. Returns the words of the three goals.
    """
    criterion = loss_grounding_dino.GroundingDinoImageLoss(None, 0.25, ["labels"])
    counts = (2, 3, 1)  # phrases of each image
    maps = []
    for image, count in enumerate(counts):
        words = torch.zeros(count, 40)
        for phrase in range(count):
            words[phrase, 10 * image + phrase] = 1
        maps.append(words)
    targets = [{"class_labels": torch.tensor([0]), "boxes": boxes(1)} for _ in counts]
    pairs = [(torch.tensor([0]), torch.tensor([0])) for _ in counts]
    outputs = {"logits": torch.zeros(3, 1, 40), "pred_boxes": boxes(3, 1), "label_maps": maps}
    goals = criterion._get_target_classes_one_hot(outputs, targets, pairs)
    return [int(goal[0].argmax()) for goal in goals]


def facts():
    """All of the above by name."""
    precisions = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    return {
        "infinite from": {
            name: (infinite_from(dtype), infinite_from(dtype, True)) for name, dtype in precisions.items()
        },
        "best score alone, beside another": softmax_over_the_batch(),
        "classes returned": classes_returned(),
        "matched otherwise": matched_by_softmax(),
        "loss with 2, with 200": (with_class_coefficient(2), with_class_coefficient(200)),
        "costs, points": losses_of_one_image(),
        "words taught": words_taught(),
    }
