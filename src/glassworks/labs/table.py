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
        Lab(
            "shift-tolerance",
            "Pooling makes a network more tolerant of small shifts than a stride does, and not immune to "
            "them.",
            4,
            "image/how_a_network_sees",
        ),
        Lab(
            "ablation-table",
            "Augmentation, batch norm, dropout and depth each earn their place: without any one of them a "
            "small CNN answers worse.",
            4,
            "image/a_classifier_of_your_own",
        ),
        Lab(
            "scratch-against-transfer",
            "With five pictures a class a new head on features from ImageNet beats a CNN from scratch, and "
            "more pictures shrink its lead.",
            5,
            "image/standing_on_shoulders",
        ),
        Lab(
            "frozen-norm-drifts",
            "A frozen network that is left in training mode drifts, and its new head answers worse for it.",
            3,
            "image/standing_on_shoulders",
        ),
        Lab(
            "caching-features",
            "Features that are computed once give the same head as features computed in every epoch, many "
            "times as fast.",
            1,
            "image/standing_on_shoulders",
        ),
        Lab(
            "distillation-gain",
            "A small CNN that also learns from the soft answers of a larger one is better than the same on "
            "labels alone.",
            2,
            "image/teachers_and_students",
        ),
        Lab(
            "eight-bits",
            "With scales measured on training pictures a small CNN answers in eight bits as it did in float; "
            "in three bits it does not.",
            1,
            "image/from_notebook_to_service",
        ),
        Lab(
            "deit-against-plain",
            "With a CNN as teacher, a small Transformer with a distillation token is better than the same "
            "trained plainly, on few pictures.",
            6,
            "image/teachers_and_students_deit",
        ),
        Lab(
            "bigger-pictures",
            "A ViT trained on small pictures answers larger ones after its positions are resized; adaptation "
            "for one pass brings it above.",
            5,
            "",
        ),
        Lab(
            "cost-of-attention",
            "The cost of Swin grows with the number of pixels, that of a plain ViT faster.",
            3,
            "image/windows_and_pyramids",
        ),
        Lab(
            "windows-that-move",
            "Without the shift of every second block, a small Swin answers worse.",
            5,
            "image/windows_and_pyramids",
        ),
        Lab(
            "patch-size",
            "Half the patch, which costs four times the tokens, buys accuracy each time.",
            5,
            "image/pictures_as_sentences",
        ),
        Lab(
            "mae-gain",
            "Guessing hidden patches of pictures without labels makes a small Transformer "
            "better where labels are few.",
            8,
            "image/learning_without_labels",
        ),
        Lab(
            "positions-and-order",
            "Without positions a ViT cannot use the order of its patches; learned, sine-cosine and relative "
            "positions each let it.",
            4,
            "image/pictures_as_sentences",
        ),
        Lab(
            "class-token-or-mean",
            "The mean of the patches answers as well as a class token, once each has a learning rate of its "
            "own.",
            4,
            "image/pictures_as_sentences",
        ),
        Lab(
            "can-the-map-be-believed",
            "The attention of a small ViT marks what its answer hangs on: covering its "
            "hottest places costs more than the same heat laid elsewhere.",
            4,
            "image/what_it_looked_at",
        ),
        Lab(
            "depth-against-data",
            "What a deep network gains over a shallow one grows with the number of pictures.",
            4,
            "image/how_deep",
        ),
        Lab(
            "cnn-against-vit",
            "With few pictures a small CNN is better than a ViT of equal cost, and more pictures shrink the "
            "gap.",
            6,
            "image/data_hunger",
        ),
        Lab(
            "shuffled-pixels",
            "Shuffle the pixels of all pictures in one way: an MLP does not mind, a CNN and a ViT lose.",
            3,
            "image/data_hunger",
        ),
        Lab(
            "norm-by-depth",
            "The deeper a Transformer, the more pre-norm gains over post-norm when it learns "
            "at the full rate from the first step.",
            4,
            "image/inside_attention",
        ),
        Lab(
            "gelu-against-relu",
            "GELU in the place of ReLU makes a small Transformer better.",
            4,
            "image/inside_attention",
        ),
        Lab(
            "drop-path-effect",
            "DropPath skips as often as its schedule says, and makes a small Transformer better on few "
            "pictures.",
            4,
            "image/inside_attention",
        ),
        Lab(
            "temperature-of-pairs",
            "A temperature that is learned does as well as the best fixed one.",
            3,
            "image/pictures_and_words",
        ),
        Lab(
            "gradient-by-lag",
            "At the usual start the gradient of a plain RNN is gone after 50 steps; an LSTM whose forget "
            "gate starts open keeps it.",
            1,
            "sequence/the_vanishing_gradient",
        ),
        Lab(
            "copy-task",
            "A plain RNN remembers a symbol over a short gap and not over a long one, where an LSTM does "
            "whose gate starts open.",
            5,
            "sequence/a_cell_with_memory",
        ),
        Lab(
            "gru-against-lstm",
            "A GRU is as accurate as an LSTM of equal width, with three quarters of its numbers and in less "
            "time.",
            3,
            "sequence/gates",
        ),
        Lab(
            "bottleneck",
            "Through one state a short text is written from behind and a long one is not; with attention the "
            "long one is too.",
            4,
            "sequence/attention",
        ),
        Lab(
            "padding-and-masks",
            "A reader that knows where sequences end is better than one that reads their padding, and "
            "padding changes nothing for it.",
            2,
            "sequence/why_order_matters",
        ),
        Lab(
            "analogies",
            "Analogies come out right only when the words of the question are no answers to it, and even "
            "then for the smaller part.",
            6,
            "sequence/words_as_vectors",
        ),
        Lab(
            "raw-or-scaled",
            "The same forecaster is worse on raw values than on scaled ones, and statistics of the whole "
            "series make it look better than it is.",
            4,
            "sequence/forecasting_honestly",
        ),
        Lab(
            "random-walks",
            "On a random walk no model beats repeating the last value, however good its forecasts look.",
            3,
            "sequence/forecasting_honestly",
        ),
        Lab(
            "norm-in-a-transformer",
            "A deep encoder-decoder with its norms after the sums needs a warm-up; with norms before the "
            "branches it does not.",
            6,
            "sequence/the_transformer",
        ),
    )
}
