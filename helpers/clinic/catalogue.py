"""Everything the clinic can find: its level, what it does to this loss, and the cure, in a line
each.

An *error* makes the loss learn something wrong, or stops it. A *note* is harmless here, but worth
knowing."""

ERROR, NOTE = "error", "note"

CATALOGUE = {
    # ids
    "double-image-ids": (
        ERROR,
        "All objects of both images become targets of one; the other teaches that nothing is "
        "there.",
        "Give each image its own id, and move its annotations to it.",
    ),
    "annotations-of-no-image": (
        ERROR,
        "Their image is not listed: these objects are never taught.",
        "List the image, or drop its annotations.",
    ),
    "image-size-not-said": (
        ERROR,
        "Without a width and height over 0 no box can become a fraction of its image.",
        "Write the true size, as in the picture.",
    ),
    "annotation-id-0": (
        NOTE,
        'The loss does not mind; COCOeval takes id 0 for "no match", counts the object as missed, '
        "and AP is too low.",
        "Number annotations from 1.",
    ),
    "double-annotation-ids": (
        ERROR,
        "pycocotools, and data sets on top of it, show the last one twice: objects are lost, or "
        "stray to other images.",
        "Number annotations anew, from 1.",
    ),
    "labels-not-int64": (
        ERROR,
        'One such image turns the labels of its batch: "tensors used as indices must be long".',
        "Make class_labels int64; without objects torch.zeros(0, dtype=torch.int64), and boxes "
        "torch.zeros(0, 4).",
    ),
    "no-area": (
        NOTE,
        "The loss needs no area, but image processors of transformers and COCOeval stop: KeyError "
        '"area".',
        "Write the area; width times height will do.",
    ),
    "missing-categories": (
        ERROR,
        "Their categories ({ids}) are not listed: no class of the model is theirs.",
        "List these categories, or mend the ids.",
    ),
    "double-category-ids": (
        ERROR,
        "Two classes share an id ({ids}): the class term teaches them as one.",
        "Give each category its own id.",
    ),
    "double-category-names": (
        ERROR,
        "One class has several ids ({ids}): each object is taught as background for the others.",
        "Map them to one id.",
    ),
    "category-name-twice": (
        NOTE,
        "A name stands at several ids ({ids}), but only one of them has objects.",
        "Drop the category without objects.",
    ),
    "negative-category-ids": (
        ERROR,
        "Label -1 is matched as no-object, then stops the class term; -100 is ignored in silence.",
        "Number categories 0 to K - 1, and drop what is to be ignored.",
    ),
    "category-ids-from-1-to-num-labels": (
        ERROR,
        "Label {num_labels} is no-object: such objects are taught as background, without an error.",
        "Subtract 1 from every category id.",
    ),
    "category-ids-beyond-num-labels": (
        ERROR,
        "The model has num_labels={num_labels}: label {num_labels} is taught as no-object, a "
        "larger one stops all.",
        "Map the ids to 0 ... {last}, or make the model with num_labels={needed}.",
    ),
    "listed-beyond-num-labels": (
        NOTE,
        "The file lists ids up to {largest}, the model has num_labels={num_labels}; no object has "
        "such an id yet.",
        "Map the ids to 0 ... {last} before one does.",
    ),
    "category-ids-from-1": (
        NOTE,
        "Fine with num_labels={needed} or more; with {largest} the last class would be taught as "
        "no-object.",
        "Map ids to 0 ... K - 1, or let num_labels count the unused 0, too; --model says which.",
    ),
    "category-ids-with-gaps": (
        NOTE,
        "Ids run to {largest} for {classes} categories: a model with num_labels={classes} meets "
        "labels that it lacks.",
        "Map ids to 0 ... {dense}, or make the model with num_labels={needed}.",
    ),
    "classes-without-objects": (
        NOTE,
        "Nothing teaches these classes ({ids}); every image teaches that they are not there.",
        "Drop them, or find images; an empty category 0 is usual in exports of Roboflow.",
    ),
    "rare-classes": (
        NOTE,
        "Fewer than {few} objects each ({ids}): these classes will hardly be claimed.",
        "Find more images of them, or show these more often.",
    ),
    # boxes
    "boxes-as-corners": (
        ERROR,
        "Left, top, right, bottom: each object is taught too large and in the wrong place, and "
        "nothing stops.",
        "Convert: width = right - left, height = bottom - top; then draw some.",
    ),
    "boxes-as-centers": (
        ERROR,
        "Centre x, centre y, width, height: each object is taught half its size too far right and "
        "down.",
        "Convert: left = cx - w / 2, top = cy - h / 2; then draw some.",
    ),
    "boxes-as-left-top": (
        ERROR,
        "Left, top, width, height as fractions: each object is taught half its size too far left "
        "and up.",
        "Add half the width and height to the first two numbers; then draw some.",
    ),
    "boxes-in-percent": (
        ERROR,
        "Numbers from 0 to 100, whatever the image: each object is taught in the wrong place and "
        "size.",
        "Divide by 100{then}; then draw some.",
    ),
    "boxes-in-per-mille": (
        ERROR,
        "Numbers from 0 to 1000, whatever the image: each object is taught in the wrong place and "
        "size.",
        "Divide by 1000{then}; then draw some.",
    ),
    "maybe-boxes-in-percent": (
        NOTE,
        "All of these few boxes lie within 100 x 100 pixels of much larger images; percent would, "
        "too.",
        "Draw some.",
    ),
    "maybe-boxes-in-per-mille": (
        NOTE,
        "All of these few boxes lie within 1000 x 1000 pixels of much larger images; numbers per "
        "mille would, too.",
        "Draw some.",
    ),
    "boxes-in-pixels": (
        ERROR,
        "The loss takes fractions: loss_bbox starts in the hundreds, and no sigmoid can reach "
        "these targets.",
        "Divide x and width by the image's width, y and height by its height.",
    ),
    "boxes-as-fractions": (
        ERROR,
        "COCO's boxes are pixels: read as such, each object is a speck in the upper left corner.",
        "{turn}multiply by the image's width and height; then draw some.",
    ),
    "boxes-not-finite": (
        ERROR,
        "NaN or infinity: transformers stops inside generalized_box_iou, and the loss of the batch "
        "is lost.",
        "Mend or drop the annotation.",
    ),
    "negative-sides": (
        ERROR,
        "A box that ends before it begins: GIoU leaves its range, the loss can sink below zero; "
        "processors drop it.",
        "Exchange the corners it was made from, or drop it.",
    ),
    "empty-sides": (
        ERROR,
        "A box without area overlaps nothing: GIoU says only how far off a guess is; processors "
        "drop it.",
        "Drop it, or draw it anew.",
    ),
    "boxes-outside": (
        ERROR,
        "The box lies outside of its image: no guess can reach it; processors of transformers drop "
        "it in silence.",
        "Look at the image: other size, other image, other format?",
    ),
    "boxes-beyond-the-edge": (
        ERROR,
        "Part of the box lies outside: processors of transformers clip it, the loss alone teaches "
        "the whole.",
        "Clip it to the image; if there are many, doubt the format or the image's size.",
    ),
    "thin-boxes": (
        NOTE,
        "A side under a pixel: a guess that is off by one pixel has no overlap at all.",
        "Drop it if it is a slip of the mouse.",
    ),
    "duplicates": (
        ERROR,
        "The same object twice: one-to-one matching demands two guesses for it, and teaches "
        "duplicates.",
        "Keep one of each.",
    ),
    "near-identical-boxes": (
        ERROR,
        "Same class, IoU over {iou}: no match can tell them apart, so two guesses are taught to "
        "say the same.",
        "Keep one of each, unless there truly are two objects.",
    ),
    # content
    "no-objects": (
        ERROR,
        "No image has an object: all that is taught is no-object.",
        "Look whether the annotations were exported.",
    ),
    "crowds": (
        NOTE,
        "Processors of transformers drop them: what is in a crowd is taught as background. Your "
        "own targets may not.",
        "Drop iscrowd=1 from targets, keep it for COCOeval.",
    ),
    "images-without-objects": (
        NOTE,
        "{share} of the images: they teach no-object alone, at its full weight.",
        "Fine, if it is true; as targets: labels int64 (0,), boxes (0, 4).",
    ),
    # the model
    "more-objects-than-tokens": (
        ERROR,
        "{lost} targets are dropped in silence, and the loss still divides by all: {most} objects, "
        "{tokens} tokens.",
        "Make a model with clearly more tokens than {most}, or cut the images into tiles.",
    ),
    "hardly-enough-tokens": (
        NOTE,
        "Over 70 % of the {tokens} detection tokens are needed: each object hardly has a choice.",
        "Take clearly more tokens than objects.",
    ),
    "no-object-weight": (
        NOTE,
        "No-object has {share} of the class weight: eos_coef {eos_coef}, {tokens} tokens, {mean} "
        "objects an image.",
        "eos_coef {balance} balances objects and no-object; 1 calibrates, its scores are honest.",
    ),
    "dropped-by-the-processor": (
        NOTE,
        "Crowds, and boxes without an area inside their image: they are no targets, so taught as "
        "background.",
        "See what is said of crowds, sides and places of boxes.",
    ),
    "under-a-patch": (
        NOTE,
        "{share} of the objects have a side under {patch} pixels, {cell}, after the resize: found "
        "late, or never.",
        "Let the processor make larger images, or cut them into tiles.",
    ),
    # pictures
    "images-missing": (
        ERROR,
        "Not in {folder}: training stops, or their objects are never seen.",
        "Copy them, mend file_name, or drop them from the file.",
    ),
    "images-unreadable": (
        ERROR,
        "No picture, or one that is cut short: training stops in the middle of an epoch.",
        "Fetch them again, or drop them.",
    ),
    "images-of-other-size": (
        ERROR,
        "Boxes in pixels of another size ({sizes}): objects are taught in the wrong place.",
        "Scale boxes by the sizes' quotient and write the true size, or take the images the boxes "
        "were drawn on.",
    ),
    "beyond-the-image-after-exif": (
        ERROR,
        "The box fits the picture as stored, not upright, as load_image of transformers and "
        "viewers show it.",
        "Turn image and boxes once and for all: ImageOps.exif_transpose, and the boxes by hand.",
    ),
    "exif-turned-away": (
        ERROR,
        "Exif turns these images, and their size is the stored picture's: who opens them upright "
        "misplaces boxes.",
        "Save them upright (ImageOps.exif_transpose), with boxes and size to match.",
    ),
    "exif-turned": (
        NOTE,
        "Exif turns these images: boxes fit only if whoever opens them turns them as the "
        "annotator's tool did.",
        "Save them upright (ImageOps.exif_transpose).",
    ),
    "images-of-16-bit": (
        ERROR,
        'Image processors stop, and Pillow\'s convert("RGB") cuts off all over 255: a white '
        "picture teaches nothing.",
        "Scale the values to 0 ... 255 yourself, then convert.",
    ),
    "images-not-rgb": (
        ERROR,
        "Grey, palette or alpha ({modes}): image processors of transformers stop at the mean of "
        "three colours.",
        'Open with image.convert("RGB").',
    ),
}
