"""Small models of every kind that transfer must handle, and pictures for them."""

import torch

from glassworks.models.vision import cnn, efficientnet, lenet, resnet
from glassworks.transfer import timm_models


def small_cnn(**changes):
    shape = {"height": 16, "width": 16, "channels": 3, "classes": 4, "hidden": 24, "widths": (8, 16)}
    return cnn.build(cnn.CNNConfig(**{**shape, "batch_norm": True, "dropout": 0.3, **changes}))


def small_resnet(**changes):
    shape = {"height": 32, "width": 32, "classes": 4, "widths": (8, 8, 16, 16), "depths": (1, 1, 1, 1)}
    return resnet.build(resnet.ResNetConfig(**{**shape, "dropout": 0.3, **changes}))


def small_efficientnet(**changes):
    shape = {"height": 32, "width": 32, "classes": 4, "width_factor": 0.25, "depth_factor": 0.3}
    return efficientnet.build(efficientnet.EfficientNetConfig(**{**shape, **changes}))


def small_lenet():
    return lenet.build(lenet.LeNetConfig(channels=3, classes=4))


def small_timm(name="resnet18", side=32, classes=4):
    return timm_models.build(timm_models.TimmConfig(name, side, side, 3, classes))


def pictures_for(model, count=6, seed=0):
    config = model.config
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, config.channels, config.height, config.width, generator=generator)
