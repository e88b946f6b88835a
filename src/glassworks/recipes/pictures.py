"""What the recipes of all picture systems share: sides, epochs and augmentation that fit the data."""

from glassworks.recipes.base import AugmentPart, Facts, InputPart, Size

LIGHT = AugmentPart(shift=0.07, rotate=10.0)
PHOTO = AugmentPart(flip="random", shift=0.08, rotate=10.0, zoom=0.1, brightness=0.2, contrast=0.2)


def epochs_for(examples: int, budget: int, most: int) -> int:
    """Epochs that show about `budget` pictures, between 2 and `most`: small data is seen more often."""
    return max(2, min(most, round(budget / max(1, examples))))


def batch_for(examples: int) -> int:
    """About fifty steps an epoch, in powers of two from 16 to 256."""
    batch = 16
    while batch < 256 and examples / (batch * 2) >= 25:
        batch *= 2
    return batch


def side_for(facts: Facts, most: int, least: int = 16) -> int:
    """The pictures' own size up to `most`, in whole multiples of 4 that are at least `least`."""
    return max(least, min(most, round(facts.side / 4) * 4))


def input_for(size: Size, side: int, facts: Facts) -> InputPart:
    """How pictures of this data go in: all of each, or as papers do it, the middle at 0.875 of the side."""
    paper = size == "paper"
    return InputPart(
        height=side,
        width=side,
        channels=1 if facts.channels == 1 else 3,
        fit="crop" if paper else "stretch",
        crop=0.875 if paper else 1.0,
    )


def augmentation_for(facts: Facts) -> AugmentPart:
    """Mirroring only where left and right mean the same: photographs, not writing."""
    mirrored = facts.mirrored if facts.mirrored is not None else facts.channels == 3
    return PHOTO if mirrored else LIGHT
