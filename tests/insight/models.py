"""One small network of each kind with random weights, and pictures for it."""

import torch

from glassworks.models.vision import cnn, deit, efficientnet, lenet, pvt, resnet, swin, vit


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


SMALL = {"height": 32, "width": 48, "classes": 5, "patch": 8, "dimension": 32, "depth": 2}
BLOCK = {"heads": 4}


def _vit(**changes):
    return vit.build(vit.ViTConfig(**SMALL | {"block": BLOCK} | changes))


# Networks of tokens, not square: 4 x 6 patches, or a pyramid over 8 x 12.
TRANSFORMERS = {
    "vit": lambda: _vit(),
    "vit-mean": lambda: _vit(pooling="mean", positions="sine"),
    "vit-relative": lambda: _vit(positions="relative"),
    "vit-post": lambda: _vit(block=BLOCK | {"norm": "post"}),
    "deit": lambda: deit.build(deit.DeiTConfig(**SMALL | {"block": BLOCK})),
    "swin": lambda: swin.build(
        swin.SwinConfig(
            height=32, width=48, classes=5, dimension=16, depths=(2, 2), heads=(2, 4), patch=4, window=3
        )
    ),
    "pvt": lambda: pvt.build(
        pvt.PVTConfig(
            height=64, width=96, classes=5, depths=(1, 1, 1, 2), widths=(8, 16, 32, 32), heads=(1, 2, 4, 4)
        )
    ),
}


def model_of(name):
    torch.manual_seed(0)
    return (MODELS | TRANSFORMERS)[name]().eval()


def pictures_for(model, count=3):
    config = model.config
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, config.channels, config.height, config.width, generator=generator)
