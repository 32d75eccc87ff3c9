"""What detectors after DETR changed: `costs`, `matches`, `losses`, and a `transformers_loss` of
some of them.
"""
