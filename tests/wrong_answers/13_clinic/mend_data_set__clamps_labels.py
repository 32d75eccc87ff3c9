def mend_data_set(targets, num_classes):
    return [
        {
            "class_labels": target["class_labels"].long().clamp(max=num_classes - 1),
            "boxes": target["boxes"].reshape(-1, 4),
        }
        for target in targets
    ]
