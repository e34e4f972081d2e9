"""Readers of the files that a training leaves beside its weights: Trainer, Lightning, DVCLive, CSV."""
