"""What detectors after DETR changed: their `costs`, and their `matches`."""
