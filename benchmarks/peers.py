"""The other side of the benchmarks: the textbook's loop, and fastai, as their users write them.

Textbook: a data set of PIL pictures, ToTensor and Normalize for each picture, a DataLoader of 64, two
convolutions with batch norm and dropout, Adam at 0.001, eager float32. fastai: its own blocks, learner and
one-cycle schedule, with its defaults (batch of 64, Adam with decoupled decay).
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Textbook(nn.Module):
    """Convolution, batch norm, ReLU, pool, twice; dropout and two dense layers."""

    def __init__(self, channels: int = 1, side: int = 28, classes: int = 10, hidden: int = 512):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(32)
        self.pool = nn.MaxPool2d(2, 2)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * (side // 4) ** 2, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        x = self.pool(self.relu(self.bn1(self.conv1(x))))
        x = self.pool(self.relu(self.bn2(self.conv2(x))))
        x = self.dropout(x.flatten(1))
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class Pictures(Dataset):
    """What torchvision's FashionMNIST does for each picture: array, PIL, transform."""

    def __init__(self, pictures: np.ndarray, targets: np.ndarray):
        self.pictures, self.targets = pictures, targets
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.transform(Image.fromarray(self.pictures[row])), int(self.targets[row])


Look = tuple[float, float]  # processor seconds of training so far, accuracy on the test part


def textbook(
    training: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    seed: int,
    until: float = 1.0,
) -> Iterator[Look]:
    """Train and look after each epoch; the looks are not counted. Ends early at an accuracy of `until`."""
    torch.manual_seed(seed)
    loader = DataLoader(Pictures(*training), batch_size=64, shuffle=True)
    model = Textbook()
    optimizer, criterion = torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss()
    seconds = 0.0
    for _ in range(epochs):
        start = time.process_time()
        model.train()
        for pictures, targets in loader:
            optimizer.zero_grad()
            criterion(model(pictures), targets).backward()
            optimizer.step()
        seconds += time.process_time() - start
        right = accuracy(model, test, lambda part: (part.float() / 255 - 0.5) / 0.5)
        yield seconds, right
        if right >= until:
            return


def fastai(
    training: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    seed: int,
) -> Look:
    """The same network in fastai's learner: one cycle over `epochs`; the look at the end is not counted."""
    from fastai.vision.all import (
        CategoryBlock,
        DataBlock,
        ImageBlock,
        Learner,
        Normalize,
        PILImageBW,
        set_seed,
    )
    from fastai.vision.all import (
        accuracy as fastai_accuracy,
    )

    set_seed(seed)
    pictures, targets = training
    block = DataBlock(
        blocks=(ImageBlock(cls=PILImageBW), CategoryBlock(vocab=list(range(10)))),
        get_x=lambda row: PILImageBW.create(pictures[row]),
        get_y=lambda row: int(targets[row]),
        splitter=lambda rows: (list(range(len(rows))), []),
        batch_tfms=Normalize.from_stats([0.5], [0.5], cuda=False),
    )
    start = time.process_time()
    loaders = block.dataloaders(list(range(len(pictures))), bs=64, num_workers=0, device=torch.device("cpu"))
    learner = Learner(loaders, Textbook(), loss_func=nn.CrossEntropyLoss(), metrics=fastai_accuracy)
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(epochs, 3e-3)
    seconds = time.process_time() - start
    return seconds, accuracy(learner.model, test, lambda part: (part.float() / 255 - 0.5) / 0.5)


def accuracy(
    model: nn.Module,
    part: tuple[np.ndarray, np.ndarray],
    scale: Callable[[torch.Tensor], torch.Tensor],
) -> float:
    """Share of rows answered rightly in evaluation mode, on plain pictures."""
    pictures, targets = part
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(pictures), 500):
            batch = torch.from_numpy(pictures[start : start + 500].copy())
            scores = model(scale(batch[:, None]))
            right += int((scores.argmax(1).numpy() == targets[start : start + 500]).sum())
    return right / len(pictures)
