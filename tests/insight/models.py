"""One small network of each kind with random weights, and pictures for it."""

import torch

from glassworks.models.vision import cnn, efficientnet, lenet, resnet


def _cnn(**shape):
    return cnn.build(cnn.CNNConfig(height=32, width=32, channels=3, classes=5, **shape))


MODELS = {
    "cnn": lambda: _cnn(**cnn.VARIANTS["two-layer"]),
    "cnn-four": lambda: _cnn(**cnn.VARIANTS["four-layer"]),
    "lenet": lambda: lenet.build(lenet.LeNetConfig(channels=3, classes=5)),
    "lenet-modern": lambda: lenet.build(
        lenet.LeNetConfig(channels=3, classes=5, activation="relu", pooling="max")
    ),
    "resnet": lambda: resnet.build(
        resnet.ResNetConfig(height=64, width=64, channels=3, classes=5, **resnet.VARIANTS["18"])
    ),
    "efficientnet": lambda: efficientnet.build(
        efficientnet.EfficientNetConfig(
            height=64, width=64, channels=3, classes=5, **efficientnet.VARIANTS["lite0"]
        )
    ),
}


def model_of(name):
    torch.manual_seed(0)
    return MODELS[name]().eval()


def pictures_for(model, count=3):
    config = model.config
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, config.channels, config.height, config.width, generator=generator)
