"""The table of labs: one row for each claim that can be run. The list needs no torch.

A lab is one file of the same stem, `labs/<name>.py` with underscores, that defines

    SEEDS, QUICK_SEEDS                  how often it is repeated
    PRECISION                           what it computes in, for the record
    RULE                                how the numbers decide, written before they were there
    experiment(bench) -> Findings       measures
    judge(numbers) -> Verdict           applies the rule, and nothing else

Recorded results live in `labs/recorded/<name>.json`. To renew one on a quiet machine:

    glassworks lab NAME
    cp labs/NAME.json src/glassworks/labs/recorded/NAME.json

A test compares the recorded claim, rule and verdict with the code.
The first thing to change: add a row and its file.
"""

from glassworks.labs.lab import Lab

LABS: dict[str, Lab] = {
    lab.name: lab
    for lab in (
        Lab(
            "manual-equals-tape",
            "Gradients written out by hand, by our tape and by torch are the same numbers.",
            1,
            "foundations/learning_by_hand",
        ),
        Lab(
            "lines-of-the-loop",
            "Every line of the training loop earns its place: change one, and the result gets worse.",
            3,
            "foundations/the_training_loop",
        ),
        Lab(
            "overfitting-against-data",
            "More examples shrink the gap between training and test accuracy, for a small and for a large "
            "model.",
            2,
            "foundations/the_training_loop",
        ),
    )
}
