"""Our attacks against those of other libraries: same model, images, budget and steps, one run."""
