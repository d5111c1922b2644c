"""CLIP models with both halves, which say how well a text describes a photo."""
