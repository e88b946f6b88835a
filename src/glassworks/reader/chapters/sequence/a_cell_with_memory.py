# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A cell with memory")

with app.setup:
    import marimo as mo

    from glassworks.blocks.recurrent import Cell, Recurrent, written_out
    from glassworks.models.sequence.rnn import RNNCell
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.back_through_time import BackThroughTime
    from glassworks.reader.figures.bounded_state import BoundedState
    from glassworks.reader.figures.one_cell import OneCell
    from glassworks.reader.figures.one_number_remembers import OneNumberRemembers
    from glassworks.reader.figures.trained_reader import LagsOfTheTrained, TrainedReader
    from glassworks.reader.figures.unrolled import Unrolled


@app.cell(hide_code=True)
def header():
    book.header("sequence/a_cell_with_memory")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## One step

    A *recurrent network* reads a sequence one item at a time. What it knows of the items so far is a list of
    numbers, its *state*, and at each step a *cell* makes the next state from two things: what comes in, $x$,
    and the state before, $h$.

    With one number of each it is a line that can be done by hand:

    $$ h' = \tanh(w \, x + u \, h + b) $$

    Take $w = 0.6$, $u = 0.8$ and $b = 0$. The state is 0.5, and 1 comes in. The sum is $0.6 \cdot 1 + 0.8
    \cdot 0.5 = 1$, and the new state is $\tanh 1 = 0.7616$. Then the next item comes in, meets 0.7616, and
    so on. The *activation* tanh squeezes any sum into the range from -1 to 1.

    That is all of it. The rest of this chapter makes the numbers longer, puts the step in a loop, and asks
    how such a thing can learn.
    """)
    return


@app.cell(hide_code=True)
def figure_one_cell():
    OneCell()
    return


@app.cell(hide_code=True)
def exercise_step():
    book.exercise("a_cell_with_memory.step")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## The same with vectors

    Let $x$ hold 10 numbers and the state 20. Each number of the new state has a weight for each number that
    comes in and for each number of the old state:

    $$ h' = \tanh(W x + b + U h + c) $$

    $W$ is a matrix of 20 × 10, $U$ of 20 × 20, and each product has a *bias* of 20 numbers. Together $200 +
    400 + 20 + 20 = 640$ parameters. One bias would do, since the two are only ever added; torch keeps two,
    so a cell that shall load its weights has two as well.

    ```python
    import torch
    from torch import nn

    cell = nn.RNNCell(10, 20)
    [tuple(p.shape) for p in cell.parameters()]  # -> [(20, 10), (20, 20), (20,), (20,)]
    sum(p.numel() for p in cell.parameters())  # -> 640
    cell(torch.zeros(1, 10), torch.zeros(1, 20)).shape  # -> torch.Size([1, 20])
    ```

    The idea is that of Elman's simple recurrent network (Elman 1990). Below is the cell of this library:
    with torch's weights copied in, its answers are torch's. Then write it yourself.
    """)
    return


@app.cell(hide_code=True)
def code_cell():
    mo.vstack([book.source(RNNCell), book.source(Cell, fold=True)])
    return


@app.cell(hide_code=True)
def exercise_count():
    book.exercise("a_cell_with_memory.count")
    return


@app.cell(hide_code=True)
def exercise_cell():
    book.exercise("a_cell_with_memory.rnn_cell")
    return


@app.cell(hide_code=True)
def text_unrolling():
    mo.md(r"""
    ## Unrolled over time

    A cell alone is one step. A *layer* is a loop: begin with a state of zeros, read the first item, hand
    the new state to the next step. Drawn with an arrow that leads back to its own beginning, that is a
    circle. Drawn with one box for each step it is a chain, and this drawing is called *unrolling*.

    The boxes of the chain are not different cells. It is one cell, drawn six times: the same $W$, the same
    $U$. That has three consequences:

    - **Any length.** A longer text is a longer chain of the same 640 parameters.
    - **What is learned at one place holds at all.** A network with weights of its own for each place
      must learn the same word again at each.
    - **One after the other.** Step 7 needs the state of step 6. All items of a batch can be read at the
      same time; all steps of a text cannot.

    Move the figure step by step, and watch the state fill up. Then choose another word.
    """)
    return


@app.cell(hide_code=True)
def figure_unrolled():
    Unrolled()
    return


@app.cell(hide_code=True)
def exercise_read():
    book.exercise("a_cell_with_memory.read")
    return


@app.cell(hide_code=True)
def code_loop():
    mo.vstack(
        [
            book.source(written_out),
            book.source(Recurrent, start="def forward", stop="return steps, tuple", fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_layers():
    mo.md(r"""
    The library's layer does a little more than your loop. It puts layers on top of each other: the second
    reads the states of the first as its input. It may read from both ends. It stops each text at its own
    length. And where nobody looks into its cells it leaves the loop to one call of torch, with the same
    answers.

    ## What one number can hold

    Where is the memory? Not in the weights; they are the same before and after the text. It is in the
    state, and the state survives only by passing through the cell at every step.

    So watch one number alone. An opening bracket pushes it up, a closing one down, all other letters say
    nothing. Then the state feeds on itself, $h \leftarrow \tanh(u \, h)$. For $u = 2$ there is a value that
    a step leaves as it is: $0.958 = \tanh(2 \cdot 0.958)$. The state falls into it and stays, for thirty
    letters or three thousand. For $u$ up to 1 there is no such value but 0, and the bracket is forgotten.
    """)
    return


@app.cell(hide_code=True)
def figure_memory():
    OneNumberRemembers()
    return


@app.cell(hide_code=True)
def exercise_memory():
    book.exercise("a_cell_with_memory.memory")
    return


@app.cell(hide_code=True)
def text_learned():
    mo.md(r"""
    ## What a trained cell holds

    Nobody sets weights by hand. The next figure takes the layer of 16 numbers that learned *which came
    first, A or B?* in the last chapter, and looks at its state while it reads. Beside it stands what it
    would answer if the text ended there.

    Look at the answer after the first A: it says *B came first*, quite sure, before any B. And when B
    comes, it turns. So it does not remember which came first. It remembers which came *last*. Each text of
    its training had one A and one B, so the one question answers the other, and the last letter is easier
    to hold: whatever comes next may overwrite it. The two texts at the end hold a third letter, and there
    it is wrong.

    A model learns what is enough on its data. What we wanted it to learn it was never told.
    """)
    return


@app.cell(hide_code=True)
def figure_trained():
    TrainedReader()
    return


@app.cell(hide_code=True)
def text_backwards():
    mo.md(r"""
    ## Learning: back through time

    How does a weight learn that is used at every step? Unrolled, the network is an ordinary *computation
    graph*, only a long one. *Back-propagation through time* (Werbos 1990) is back-propagation on that
    graph: forward through all steps, then back through all, from the last to the first.

    A cell without tanh can be done by hand. Let $h \leftarrow u \, h + 1$ from 0, three times, with $u =
    2$: the states are 1, 3 and 7. The weight moves the last state in two ways. At the last step directly,
    by the state that it multiplies: 3. At the step before it, by the state there, 1, and what it moved
    there is multiplied by $u$ once more on its way: 2. Together 5. Autograd does the same sum:

    ```python
    import torch

    u = torch.tensor(2.0, requires_grad=True)
    first = torch.tensor(1.0)
    second = u * first + 1
    third = u * second + 1
    third.backward()
    (third.item(), u.grad.item())  # -> (7.0, 5.0)
    ```

    With tanh, each step back also multiplies by the slope of tanh there, $1 - h^2$:

    $$ \frac{\partial h_T}{\partial u} = \sum_{t=1}^{T} r_t \, (1 - h_t^2) \, h_{t-1} $$
    $$ r_t = \prod_{s=t+1}^{T} u \, (1 - h_s^2) $$

    $r_t$ is the way from step $t$ to the end: how much the last state moves with the state at $t$.

    Two practical matters follow. All states of the way forward are kept until the way back is done, so
    memory grows with the length. And a text of a million letters cannot be gone through whole: it is cut
    into pieces, the state is handed on, and the gradient is not (`state.detach()`). That is *truncated*
    back-propagation: what the network may learn about time then ends at the cut, though its memory goes on.
    """)
    return


@app.cell(hide_code=True)
def figure_back():
    BackThroughTime()
    return


@app.cell(hide_code=True)
def exercise_through_time():
    book.exercise("a_cell_with_memory.through_time")
    return


@app.cell(hide_code=True)
def text_bounded():
    mo.md(r"""
    ## What tanh bounds, and what it does not

    It is often said that tanh keeps the numbers from exploding. It bounds the *state*: each of its numbers
    lies between -1 and 1, whatever comes in. And the way back? There each step multiplies by the state's
    matrix and by slopes of tanh. Predict first.
    """)
    return


@app.cell(hide_code=True)
def exercise_bound():
    book.exercise("a_cell_with_memory.bound")
    return


@app.cell(hide_code=True)
def figure_bounded():
    BoundedState()
    return


@app.cell(hide_code=True)
def text_lags():
    mo.md(r"""
    tanh bounds the state and not the *gradient*. Near zero its slope is 1, and with a matrix that stretches
    by 1.5 the gradient grows 1.5-fold at each step: over 50 steps $1.5^{50} = 6.376 \cdot 10^{8}$. With
    ordinary inputs the states sit where tanh is flat, and even this matrix leaves only 0.0000024 of it.
    Neither exploding nor vanishing is a law; both are what a long product does when its factors are not
    about 1.

    Two remedies are usual, against two different evils:

    - *Gradient clipping* (Pascanu 2012): where the gradient is longer than some limit, shorten it to the
      limit. That stops explosions. It cannot bring back what has vanished.
    - An *orthogonal start*: the state's matrix begins as a rotation, which neither stretches nor shrinks.
      That helps at the beginning; the slopes of tanh still shrink what passes, and training moves the
      matrix.

    ## How far back does a trained cell listen?

    Ask the layer of the last chapter: how much does its last state change with a letter that came $k$ steps
    before? Before the training that falls by more than a hundred over nine steps. After it, a good part of
    the gradient comes through. Nobody asked for that; the task did, since texts with A and B at their
    beginning cannot be answered without. `glassworks explain` draws this curve for a run of your own.

    Ten letters are few. The lab below makes the gap longer: a symbol, then silence, then the question which
    symbol it was. It also tries two cells with gates, LSTM and GRU, which a later chapter builds.
    """)
    return


@app.cell(hide_code=True)
def figure_lags():
    LagsOfTheTrained()
    return


@app.cell(hide_code=True)
def lab_copy():
    book.lab("copy-task")
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train it

    The whole system reads days of electricity, hour by hour, from the first to the last, and says from its
    last state whether it was the winter or the summer half-year. Where the data are missing, `glassworks
    samples fetch italy-power-demand` brings them. Try an orthogonal start, a narrow state, and let the head
    see the mean of all states instead of the last one: which matters more?

    Below it you can train it on series of your own: one table with a class for each series. They stay on
    this machine.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/a_cell_with_memory",
        {
            "system": "rnn",
            "data": "sample:italy-power-demand",
            "size": "tiny",
            "variant": "forward",
        },
        settings=(
            Choose("model.pooling", "the head sees", {"the last state": "last", "the mean": "mean"}),
            Choose("model.start", "start of U", {"as torch's": "uniform", "orthogonal": "orthogonal"}),
            Choose("model.width", "numbers of state", {"32": 32, "4": 4, "1": 1}),
            Slider("epochs", "epochs", 1, 40, step=1, value=20),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/a_cell_with_memory", {"system": "rnn", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A recurrent cell is one line: tanh of a product with what comes in, plus a product with the state. A
    layer is a loop around it, with the same weights at each step. Its memory is the state alone, and lasts
    where a step leaves it as it is. It learns by going back through all steps and adding up their shares.
    tanh bounds the state and not the gradient.

    The next chapter measures how much of the gradient is left after ten, thirty and fifty steps.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/a_cell_with_memory")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/a_cell_with_memory")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/a_cell_with_memory")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/a_cell_with_memory")
    return


if __name__ == "__main__":
    app.run()
