# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="The training loop")

with app.setup:
    import marimo as mo

    from glassworks.core import keyed
    from glassworks.data.batches import PictureBatches
    from glassworks.labs.loop import train_with
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.batch_gradients import BatchGradients
    from glassworks.reader.figures.learning_rates import LearningRates
    from glassworks.reader.figures.lines_of_the_loop import LinesOfTheLoop
    from glassworks.reader.figures.loop_circle import LoopCircle
    from glassworks.reader.figures.many_seeds import ManySeeds
    from glassworks.reader.figures.mean_of_batches import MeanOfBatches
    from glassworks.reader.figures.sure_and_wrong import SureAndWrong
    from glassworks.reader.figures.two_curves import TwoCurves
    from glassworks.reader.figures.two_modes import TwoModes
    from glassworks.reader.figures.what_to_beat import WhatToBeat
    from glassworks.reader.figures.winners_curse import WinnersCurse
    from glassworks.training.loop import fit
    from glassworks.training.step import supervised


@app.cell(hide_code=True)
def header():
    book.header("foundations/the_training_loop")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Five lines, again and again

    In the last chapter one step of learning was done by hand. Training is that step, repeated. With a
    framework it takes five lines, and this is the *training loop*:

    ```python
    for pictures, targets in batches:
        scores = model(pictures)                 # predict
        loss = F.cross_entropy(scores, targets)  # how wrong was that?
        loss.backward()                          # the gradient of every weight
        optimizer.step()                         # a small step against it
        optimizer.zero_grad()                    # forget this gradient
    ```

    Nothing here knows about digits, words or proteins. The loop of a large language model has these five
    lines too. The last one, *clearing gradients*, may stand at the end of a round or at its beginning.

    Short as it is, the loop fails in quiet ways. Leave a line out, and there is often no error and no
    warning: only a model that is worse than it should be, or a figure that is better than it should be.
    This chapter takes the lines one by one, and shows what each is for by leaving it out.

    The figure trains the one weight of the last chapter: prediction $= w \cdot 2$, wanted 10, starting at
    $w = 1$ with the rate 0.01. The figure stands after the first five lines. Press *Next* to go on.
    """)
    return


@app.cell(hide_code=True)
def figure_loop_circle():
    LoopCircle()
    return


@app.cell(hide_code=True)
def exercise_left_out():
    book.exercise("the_training_loop.left_out")
    return


@app.cell(hide_code=True)
def exercise_order():
    book.exercise("the_training_loop.order")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## The loss: something with a slope

    We want a model that is often right. Why not train on the *accuracy* itself? Because accuracy has no
    slope. Move a weight a little: nearly always the same answers come out, and the accuracy does not move
    at all. A gradient of 0 says nothing about where to go.

    So we need a quantity that notices every small improvement. Softmax turns the scores into probabilities
    $p$. The *cross-entropy* of one picture is minus the logarithm of the probability that its right class
    was given:

    $$\text{loss} = -\ln p_{\text{right}}$$

    - A sure right answer, $p = 0.99$, costs $0.01$.
    - Not knowing costs $\ln C$ with $C$ classes: $\ln 10 = 2.302585$ for ten, $\ln 1000 = 6.907755$ for a
      thousand. A loss near this number says that the model guesses.
    - A sure wrong answer, $p = 0.001$, costs $6.9$, three times as much as a guess among ten. There is no
      upper limit.

    The slope of the loss by the score of the right class is $p - 1$: steep while the model is wrong, flat
    once it is right. The loss of a batch is the mean over its rows.
    """)
    return


@app.cell(hide_code=True)
def figure_sure_and_wrong():
    SureAndWrong()
    return


@app.cell(hide_code=True)
def text_batches():
    mo.md(r"""
    ## Batches: a cheap guess at the direction

    The true gradient is that over all training pictures. To compute it for one step would be a waste: a
    small sample points nearly the same way. Such a sample is a *batch*. One pass over all batches is an
    *epoch*, and every epoch goes through the pictures in a new order.

    How good is the guess? The spread of a mean falls with the root of the number of rows. Four times the
    rows cost four times the work and halve the spread. Early in training, when all pictures agree on what
    is wrong, small batches do well. Later the pictures disagree, and a batch says little about the whole.

    The order matters too. Files lie in folders, one folder a class. In that order each batch knows one
    class alone, and calls for it. Try *rows sorted by class* below.

    ### The last batch is smaller

    Batches seldom divide the data evenly. When the losses of an epoch are averaged, each batch must weigh
    as many rows as it has:

    $$\text{loss of the epoch} = \frac{\sum_b n_b \cdot \text{loss}_b}{\sum_b n_b}$$

    The plain mean of the batch losses is a usual mistake. A printout every 200 batches is another: in an
    epoch of 782 batches the last 182 are never reported. The second figure shows the first mistake.
    """)
    return


@app.cell(hide_code=True)
def figure_batch_gradients():
    BatchGradients()
    return


@app.cell(hide_code=True)
def figure_mean_of_batches():
    MeanOfBatches()
    return


@app.cell(hide_code=True)
def exercise_steps():
    book.exercise("the_training_loop.steps")
    return


@app.cell(hide_code=True)
def text_loop():
    mo.md(r"""
    ## The whole loop, and what each line is for

    Here is a whole training in one function, as it is installed. It learns from 1,797 handwritten digits of
    8 by 8 squares, a part of a larger collection (Alpaydin and Kaynak 1998), dealt into 1,168 to train, 270
    to validate and 359 to test. You will find the five lines in it, in a slightly other order: the gradient
    may be forgotten at the end of a round or at its beginning.

    Around them stand the lines that people forget: pictures scaled by the mean and spread *of the training
    part*, a new order every epoch, `model.train()` before learning and `model.eval()` before judging. Each
    `settings.…` is a switch that leaves one line out, and the first figure below the code turns one of
    them. One run shows the shape of a mistake, not its size. The lab repeats each with ten seeds, and says
    which do harm on this data and which do not.

    ### The learning rate

    The one number that deserves a search is the *learning rate*. Too small, and the training ends on the
    way. Too large, and each step lands higher up on the other side. The loss then jumps, or stays at that
    of guessing for good.

    The range that works is wide. A search by factors of three finds it: 0.01, 0.03, 0.1, 0.3. The workbench
    has a finder (`training/finders.py`) that raises the rate from step to step on a copy of the model, and
    takes the rate at which the loss fell fastest. That is a good start and no optimum. The second figure
    shows three rates, yours, and the finder.
    """)
    return


@app.cell(hide_code=True)
def code_loop():
    book.source(train_with, start="if settings.leak", stop="final = accuracy", fold=False)
    return


@app.cell(hide_code=True)
def figure_lines_of_the_loop():
    LinesOfTheLoop()
    return


@app.cell(hide_code=True)
def figure_learning_rates():
    LearningRates()
    return


@app.cell(hide_code=True)
def lab_lines_of_the_loop():
    book.lab("lines-of-the-loop")
    return


@app.cell(hide_code=True)
def text_parts():
    mo.md(r"""
    ## Three parts, three duties

    A model that is judged on what it was trained with is judged on its memory. So the data is dealt into
    three parts:

    | part | what it decides |
    |:---|:---|
    | *training part* | the weights |
    | *validation part* | everything that a person or a program chooses: rate, size, epoch, variant |
    | *test part* | nothing; it reports, once |

    Why is the validation part not enough? Because choosing flatters. Among many variants the one that looks
    best owes some of it to luck, and luck does not come again. The figure shows it for models that do not
    differ at all. The workbench therefore counts every look at the test part and writes the number on the
    model's card.

    *Leakage* is the name for everything by which a part knows of another: the same picture twice, two scans
    of one patient, neighbouring frames of one film, a mean for scaling that was taken over all data. A
    split must keep together what belongs together.

    ### What would an answer without training reach?

    An accuracy alone says little. Beside it belongs a *baseline*: what is reached by always giving the most
    frequent answer, and what by looking up the nearest training picture. And beside both belongs the range
    that so few test pictures leave open. With 30 pictures, all answered rightly, the true accuracy may
    still be 89 %.
    """)
    return


@app.cell(hide_code=True)
def figure_winners_curse():
    WinnersCurse()
    return


@app.cell(hide_code=True)
def figure_what_to_beat():
    WhatToBeat()
    return


@app.cell(hide_code=True)
def exercise_parts():
    book.exercise("the_training_loop.parts")
    return


@app.cell(hide_code=True)
def exercise_split():
    book.exercise("the_training_loop.split")
    return


@app.cell(hide_code=True)
def text_overfitting():
    mo.md(r"""
    ## Overfitting, seen

    A network with enough weights can learn its training pictures by heart. It can do so even where the
    labels are drawn at random and there is nothing to understand (Zhang and others 2016). A low training
    loss therefore proves nothing.

    Two curves tell. As long as both losses fall, the model learns something that holds in general. Where
    the training loss goes on falling and the validation loss turns, it learns the pictures themselves: that
    is *overfitting*. To keep the weights from the turning point is called early stopping, and it costs
    nothing but a validation part.

    In the figure the numbers of pictures run from 20 to 1,000. Watch two things: how far the curves part,
    and where the turning point lies. Then look at the accuracy beside it. It often stays where it is while
    the validation loss rises: the answers remain, and the wrong ones become surer.

    What helps, in this order: more data, then changed copies of the data you have (augmentation), then less
    freedom for the weights (*weight decay*, *dropout*, a smaller model).
    """)
    return


@app.cell(hide_code=True)
def figure_two_curves():
    TwoCurves()
    return


@app.cell(hide_code=True)
def exercise_overfitting():
    book.exercise("the_training_loop.overfitting")
    return


@app.cell(hide_code=True)
def lab_overfitting():
    book.lab("overfitting-against-data")
    return


@app.cell(hide_code=True)
def text_evaluation():
    mo.md(r"""
    ## Evaluation mode: the same question, the same answer

    Two layers behave differently while a model learns.

    - *Dropout* (Srivastava and others 2014) silences a random share of the numbers and enlarges the rest to
      make up for it. So no number can rely on another one. While answering, nothing is silenced.
    - *Batch normalisation* (Ioffe and Szegedy 2015) subtracts the mean of the batch and divides by its
      spread, for each channel. While answering there may be no batch, so it uses a running mean and spread,
      gathered while training.

    `model.train()` and `model.eval()` switch between the two ways. Neither call trains or judges anything;
    they set a flag in every layer. Forget `eval()`, and the model answers by chance, or by the company in
    which a picture comes. Forget `train()` afterwards, and the rest of the training runs without dropout.

    `torch.no_grad()` is another thing: it builds no graph for a backward pass. It saves memory and time,
    and changes no answer. Judging needs both.
    """)
    return


@app.cell(hide_code=True)
def figure_two_modes():
    TwoModes()
    return


@app.cell(hide_code=True)
def exercise_alone():
    book.exercise("the_training_loop.alone")
    return


@app.cell(hide_code=True)
def exercise_evaluate():
    book.exercise("the_training_loop.evaluate")
    return


@app.cell(hide_code=True)
def text_seeds():
    mo.md(r"""
    ## Seeds: how much of the result is luck?

    The starting weights, the order of the pictures and dropout are random. A *seed* makes them repeatable.
    It does not make them typical: another seed gives another result, and the difference can be larger than
    that between two methods. So a comparison needs several seeds on each side, and a result is a mean with
    its spread. To try ten seeds and report the best is the winner's curse again.

    The workbench goes one step further. There, a random number is a function of its *key*: the order of an
    epoch is keyed by (seed, epoch), dropout by (seed, step). Nothing depends on what was drawn before. A
    run that was stopped in the middle of epoch 7 asks for the order of epoch 7 and gets it, so it continues
    exactly as if nothing had happened. The two functions that do it stand in the next section, below the
    loop.

    The same seed gives the same bits on one machine with the same versions and the same number of threads.
    It does not across machines: sums are taken in another order there, and the last digits differ.
    """)
    return


@app.cell(hide_code=True)
def figure_many_seeds():
    ManySeeds()
    return


@app.cell(hide_code=True)
def text_workbench():
    mo.md(r"""
    ## The loop of the workbench

    This is the loop that trains every model in this book. The five lines are in the `step` that it calls,
    with an *optimiser* that gives every weight a step of its own (AdamW, after Kingma and Ba 2014) instead
    of plain descent. What stands around them is what a long run needs: a schedule that raises and lowers
    the rate, a look at the validation part, the best weights kept, early stopping by patience, checkpoints,
    and an ear for somebody who wants to stop. Its position is one number, `state.seen`, the examples seen
    so far.

    Below the code you can run it: a small convolutional network on digits of 32 by 32 pixels. Stop it in
    the middle, reload this page, and let it go on. Then train it on pictures of your own. They do not leave
    this machine.
    """)
    return


@app.cell(hide_code=True)
def code_fit():
    mo.vstack(
        [
            book.source(fit, start="while state.seen", stop="stop.finish", fold=False),
            book.source(PictureBatches.order),
            book.source(keyed.permutation),
            book.source(supervised, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "foundations/the_training_loop",
        {"system": "cnn", "data": "sample:digits", "size": "tiny"},
        settings=(
            Choose("learning_rate", "learning rate", {"0.003 (recipe)": 0.003, "0.0003": 0.0003, "0.1": 0.1}),
            Slider("epochs", "epochs", 1, 20, step=1, value=10),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_data("foundations/the_training_loop", {"system": "cnn", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Training is a circle of five lines: predict, loss, backward, step, forget. The loss has a slope where
    accuracy has none; a batch guesses the direction, and each batch weighs as many rows as it has. Training
    fits the weights, validation chooses, the test part reports once, beside baselines and with its
    interval. Overfitting is the stretch where training improves and validation does not. Judge in
    evaluation mode, over all rows, and repeat with other seeds before you believe a difference.

    This ends the foundations. The next part looks at pictures: what a convolution sees, and how to build a
    classifier for images of your own.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("foundations/the_training_loop")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("foundations/the_training_loop")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("foundations/the_training_loop")
    return


@app.cell(hide_code=True)
def references():
    book.references("foundations/the_training_loop")
    return


if __name__ == "__main__":
    app.run()
