"""Checkpoints: folders of tensors and JSON, without pickle."""
