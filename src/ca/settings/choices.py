"""The values that a setting can have. No imports from this package, so that every module may use it."""

from typing import Literal

Dataset = Literal["mnist", "fashion-mnist", "kmnist", "qmnist", "emnist-digits"]
Regime = Literal["naive", "persistent", "mutating"]
View = Literal["classes", "confidence", "channels"]
Layout = Literal["mosaic", "board"]
LossName = Literal["l2", "cross-entropy"]
RecipeName = Literal["best", "quick", "article", "drawn"]
OptimiserName = Literal["soap", "adam"]
TrackerName = Literal["tensorboard", "wandb"]
Colours = Literal["distinct", "petroff", "article"]
DEFAULT_COLOURS: Colours = "distinct"
