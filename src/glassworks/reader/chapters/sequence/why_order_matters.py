# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Why order matters")

with app.setup:
    import marimo as mo

    from glassworks.blocks.recurrent import is_real, last, turned, without_padding
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.any_length import AnyLength
    from glassworks.reader.figures.may_see import MaySee
    from glassworks.reader.figures.order_decides import OrderDecides
    from glassworks.reader.figures.padding_seen import PaddingSeen
    from glassworks.reader.figures.same_bag import SameBag
    from glassworks.reader.figures.two_texts_one_window import TwoTextsOneWindow


@app.cell(hide_code=True)
def header():
    book.header("sequence/why_order_matters")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## The same words, another story

    *The dog bites the man. The man bites the dog.* Five words each, the same five, and two different
    pieces of news. A *sequence* is a list in which the place of an item means something: words of a text,
    hours of a day, notes of a tune.

    A *bag of words* throws the places away. It keeps how often each word occurs, or the mean of vectors
    that stand for the words. A mean is a sum, and a sum does not know in which order it was made:

    ```python
    import torch

    words = torch.arange(40.0).reshape(5, 8)  # five words, eight numbers each
    mixed = words[torch.tensor([3, 4, 2, 0, 1])]
    torch.allclose(words.mean(0), mixed.mean(0))  # -> True
    ```

    So whatever network comes behind, however large it is and however long it is trained: both sentences
    give it the same numbers, and it gives both the same answer.

    That does not make a bag a bad idea. What a text is *about* is mostly said by its words alone, and
    a bag with a linear layer is a strong *baseline* for that: small, fast, and hard to beat with little data.
    It fails where the order decides.
    """)
    return


@app.cell(hide_code=True)
def figure_same_bag():
    SameBag()
    return


@app.cell(hide_code=True)
def exercise_bag():
    book.exercise("why_order_matters.bag")
    return


@app.cell(hide_code=True)
def text_lengths():
    mo.md(r"""
    ## Three words, or three hundred

    There is a second trouble. Sentences differ in length, and a *linear layer* over all words has a weight
    for each number of each place. Built for 3 words it has no weights for the fourth.

    It is often said that networks without memory need an input of one fixed size, as if it had to be 224 ×
    224 pixels. That is too much said. It is true of a linear layer over all places. A *convolution* uses
    the same small kernel at every place, and slides over any length or size; a mean over all places behind
    it gives one vector for the layers that follow:

    ```python
    import torch
    from torch import nn

    head = nn.Sequential(nn.Flatten(), nn.Linear(8, 2))
    text = nn.Sequential(nn.Conv1d(16, 8, 3), nn.AdaptiveAvgPool1d(1), head)
    text(torch.zeros(1, 16, 3)).shape  # -> torch.Size([1, 2])
    text(torch.zeros(1, 16, 300)).shape  # -> torch.Size([1, 2])
    picture = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), head)
    picture(torch.zeros(1, 3, 224, 224)).shape  # -> torch.Size([1, 2])
    picture(torch.zeros(1, 3, 97, 131)).shape  # -> torch.Size([1, 2])
    ```

    What these networks have in common is *sharing*: the same weights at every place. A bag shares them too,
    and so does the recurrent network that this part of the book begins with.
    """)
    return


@app.cell(hide_code=True)
def figure_any_length():
    AnyLength()
    return


@app.cell(hide_code=True)
def exercise_sizes():
    book.exercise("why_order_matters.sizes")
    return


@app.cell(hide_code=True)
def text_window():
    mo.md(r"""
    ## A window: order, for a price

    Another saying: a *feed-forward* network, one without a circle in it, cannot use the previous word. It
    can, if it is given that word. Lay the vectors of the last $k$ words end to end, and a linear layer sees
    which word stands where. With such a *context window* a feed-forward network learned to guess the next
    word better than the counts of the time did (Bengio 2003).

    A window has two limits, and training moves neither:

    - **It costs.** Every place has its own weights. With $e$ numbers a word and $u$ units the first layer has
      $k \cdot e \cdot u + u$ parameters. And what was learned about a word at the first place is not known at
      the second; it must be learned again.
    - **It ends.** Two texts that agree in the last $k$ words are the same text to it.

    In the figure the word that decides has ten words behind it.
    """)
    return


@app.cell(hide_code=True)
def figure_window():
    TwoTextsOneWindow()
    return


@app.cell(hide_code=True)
def exercise_window():
    book.exercise("why_order_matters.window")
    return


@app.cell(hide_code=True)
def text_padding():
    mo.md(r"""
    ## Padding, and how to forget it

    Even where a network takes any length, a *batch* does not: it is one tensor, and its rows are equally
    long. So shorter texts are filled up with *padding*, usually a number of its own, or zeros. Nobody said
    those zeros, and a network that is not told so reads them.

    Take the numbers -1, -3 and -2. Their mean is -2. With nine zeros behind them the sum is the same and
    the count is not: -6 / 12 = -0.5. Their largest value becomes 0. A reader from the start goes on over
    the padding and ends somewhere else; a reader from the end *begins* with padding. And what else is in
    the batch decides how much padding there is: the answer about one text depends on its neighbours.

    The remedy is to hand the *lengths* along, and to make a *mask* of them, yes for a real step, no for
    padding:

    $$ \text{real}_{b,t} = \big(t < \text{length}_b\big) $$
    $$ \text{mean}_b = \frac{1}{\text{length}_b} \sum_t \text{real}_{b,t} \; x_{b,t} $$

    Zeros alone are not a mask. They vanish from a sum, not from a mean; and the first layer with a bias makes
    something other than zero of them. A *padding index* in an embedding keeps that row at zero and
    out of the learning. It helps, and it does not replace the lengths. Torch's *packed sequences*
    are another way to hand them along.

    Does it matter, once a network has been trained with padding? Could it not learn to pass over it? The lab
    below the code asks that.
    """)
    return


@app.cell(hide_code=True)
def figure_padding():
    PaddingSeen()
    return


@app.cell(hide_code=True)
def exercise_mean():
    book.exercise("why_order_matters.mean_of_real")
    return


@app.cell(hide_code=True)
def code_masks():
    mo.vstack([book.source(is_real), book.source(without_padding), book.source(last), book.source(turned)])
    return


@app.cell(hide_code=True)
def lab_padding():
    book.lab("padding-and-masks")
    return


@app.cell(hide_code=True)
def text_steps():
    mo.md(r"""
    It matters. The lab reads digits row by row, slowly or fast. A reader that knows the lengths names 93.5
    % of them. One that is not told names 90.0 %; with 64
    steps more of nothing than it was used to, 83.3 %. For the first, padding changes no answer at all.

    ## Reading step by step

    A person reads a word, keeps something in mind, and reads the next. A *recurrent network* does that
    (Elman 1990): it holds a few numbers, its *state*, and at each step makes new ones from the state
    and from what comes in. The weights are the same at each step, so any length will do. The state has passed
    through the words in their order, so the order matters. And a state of 16 numbers does not grow
    with the text, as a window would. The next chapter builds it.

    Does it learn what a bag cannot? Ten letters, among them one A and one B: which came first? Four small
    networks get 300 steps of training each. Predict first, then change the question in the figure.
    """)
    return


@app.cell(hide_code=True)
def exercise_order():
    book.exercise("why_order_matters.order")
    return


@app.cell(hide_code=True)
def figure_order():
    OrderDecides()
    return


@app.cell(hide_code=True)
def text_future():
    mo.md(r"""
    Three things are worth keeping from these runs.

    The window's 83 % is not half a success in learning: it is the most that any network with that window
    can reach, $1 - \frac{1}{2} \cdot \frac{6 \cdot 5}{10 \cdot 9} = \frac{5}{6}$. What is not in the input
    cannot be learned from it.

    The recurrent layer *takes* 20 and 40 letters, and no longer *knows*: at 40 some of its runs are at a
    coin's toss. It learned to hold on for ten steps. How long a memory lasts is the question of the
    chapters ahead.

    And where only counts decide, the bag is right every time, at every length, while the recurrent layer
    has to learn to count. The plainer model is the better one when what it leaves out does not matter.

    ## When may a model see the future?

    A recurrent network may read from both ends: one reader goes ahead, one comes back, and each step gets
    what both hold. That is a *bidirectional* network (Schuster 1997). It often helps. "He went to the
    *bank* of the river": the word that explains comes later.

    Whether it is *allowed* is a question of time, not of taste. Ask what is there at the moment when the
    answer is needed.

    | the answer | is needed | both ends? |
    |:---|:---|:---|
    | is this review good or bad? | when all of it is there | yes |
    | which words of this letter are names? | when all of it is there | yes |
    | translate this sentence | when all of it is there | yes for reading, no for writing |
    | subtitles while somebody speaks | now | no; with a delay, as far as the delay |
    | what will be used tomorrow? | today | yes within the past, never beyond today |
    | the next word | before it is there | no |

    A network that saw the future while learning does not complain. It looks splendid: in the test, too, the
    answer stands in the input. This is *leakage*, and it shows when the model is used. The square below tells
    which inputs each output depends on; the test that you write after it finds a leak in any layer.
    """)
    return


@app.cell(hide_code=True)
def figure_may_see():
    MaySee()
    return


@app.cell(hide_code=True)
def exercise_future():
    book.exercise("why_order_matters.future")
    return


@app.cell(hide_code=True)
def exercise_looks_ahead():
    book.exercise("why_order_matters.looks_ahead")
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train it

    A day of electricity, hour by hour: was it a day of the winter half-year or of the summer half-year? The
    data are 1,096 days of Italy; where they are missing, `glassworks samples fetch italy-power-demand`
    brings them, once. The whole day is known before the question is asked, so both ends are allowed. Does
    the second reader help? And what changes when the head sees
    the mean over the hours instead of where the readers ended?
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/why_order_matters",
        {"system": "rnn", "data": "sample:italy-power-demand", "size": "tiny"},
        settings=(
            Choose("variant", "reads", {"from both ends": "bidirectional", "ahead": "forward"}),
            Choose("model.pooling", "the head sees", {"the end": "last", "the mean": "mean"}),
            Slider("epochs", "epochs", 1, 40, step=1, value=20),
        ),
    )
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A bag cannot tell two orders of the same words apart; where words alone decide, it is hard to beat. Any
    length is a matter of sharing weights over places, which convolutions do as well. A window gives a
    feed-forward network order, as far as it reaches. Padding is read unless the lengths are told. A
    recurrent network reads in order with a state of fixed size. Both ends may be read when both ends are
    there.

    The next chapter takes the recurrent network apart: one cell, two matrices, and a loop.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/why_order_matters")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/why_order_matters")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/why_order_matters")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/why_order_matters")
    return


if __name__ == "__main__":
    app.run()
