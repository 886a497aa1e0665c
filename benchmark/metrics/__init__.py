"""Measures of what a codec cost and changed: one value an image, never pooled over a batch.

Nothing is imported here: LPIPS brings torchvision, seconds that no codec should pay.
"""
