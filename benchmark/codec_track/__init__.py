"""The codec track: an adversary makes a codec spend more bits, or return a worse picture.

What fits together, in the order of use:

    codec                                  a `Codec`; `codec.bare()` for one who knows no defense
    loss = objectives.find(name)(codec, x, Views(draws, seed))                 what is to be raised
    x_adv = attacks.find(name)(loss, x, budget)                        in the ball, on the lattice

`x` are clean images on the lattice. A `Loss` maps images to one value each, higher is worse for the
codec; it rounds what it is given to 8 bits, with slope 1. An attack raises it inside of
`budget.threat` and keeps, of every image, the best iterate on the lattice. `budget.steps`,
`restarts` and `seed` count; `draws` and `until_broken` do not (the draws are the loss's).

`Views(draws, seed)` says how often a randomized codec is asked at each step: the loss is the mean
over so many fresh draws, computed as batches (EoT). The draws of an image depend on its pixels,
the seed and the number of the call, on nothing else of the batch. The harness projects, rounds and
judges again (`geometry.in_ball` counts in integers); nothing that a loss says counts.
"""
