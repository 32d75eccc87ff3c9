"""How the shipped detector was made, and the runs that differ from it in one thing: `python -m
helpers.training`.

In reading order: `recipe` (every number of a training), `arrays` and `plain_scenes` (what it sees),
`pairings`, `muting`, `borrowing` and `ablations` (what may be changed), `small_detr`,
`more_positives` and `decoders` (the same for a small DETR on frozen eyes), `stage` (steps that
survive), `recording` (what is kept of them), `run` (all of it), `processes` (the loss in two
processes), `small_measurements` (what needs no training).
`free` needs none of them: it trains guesses without a network."""
