def mend_data_set(targets, num_classes):
    return [target for target in targets if len(target["boxes"])]
