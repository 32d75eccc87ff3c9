"""How the shipped detector was made, and the runs that differ from it in one thing: `python -m
helpers.training`.

In reading order: `recipe` (every number of a training), `arrays` and `plain_scenes` (what it sees),
`pairings`, `muting` and `ablations` (what may be changed), `stage` (steps that survive),
`recording` (what is kept of them), `run` (all of it), `processes` (the loss in two processes).
`free` needs none of them: it trains guesses without a network."""
