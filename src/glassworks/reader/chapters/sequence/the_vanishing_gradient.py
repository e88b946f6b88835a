# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="The vanishing gradient")

with app.setup:
    import marimo as mo

    from glassworks.insight.recurrent import gradient_by_lag
    from glassworks.models.sequence import rnn
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.copy_runs import CopyRuns
    from glassworks.reader.figures.cut_through_time import CutThroughTime
    from glassworks.reader.figures.gradient_of_starts import GradientOfStarts
    from glassworks.reader.figures.held_and_deaf import HeldAndDeaf
    from glassworks.reader.figures.matrix_many_times import MatrixManyTimes
    from glassworks.reader.figures.powers_of_a_factor import PowersOfAFactor
    from glassworks.reader.figures.the_cliff import TheCliff


@app.cell(hide_code=True)
def header():
    book.header("sequence/the_vanishing_gradient")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A number, fifty times

    A *recurrent network* learns by going back: from its last state to the one before, and so on to the word
    that mattered. Each step back multiplies the *gradient* by a factor. Take one number of state, whose
    weight is $u$. Its factor is $u$ times the slope of tanh where the state is:

    $$ \frac{\partial h_t}{\partial h_{t-1}} = u \, (1 - h_t^2) $$

    Say the factor is 0.9. After one step 90 % is left, which is no loss to speak of. After ten it is 35 %,
    after fifty half a per cent: $0.9^{50} = 0.005154$. With 0.5 it is $8.9 \cdot 10^{-16}$. With 1.1 the
    gradient has grown 117 times.

    A product of many equal factors knows three ends: nothing, one, and no bound. In the middle there is
    only the single value 1. That is the *vanishing gradient*, and the exploding one is its twin. Move the
    factor, then move the state away from 0, where tanh becomes flat.
    """)
    return


@app.cell(hide_code=True)
def figure_powers():
    PowersOfAFactor()
    return


@app.cell(hide_code=True)
def exercise_reach():
    book.exercise("the_vanishing_gradient.reach")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## With vectors: a product of matrices

    A state of many numbers has, for one step, a whole matrix of derivatives: how each number after the step
    moves with each number before it. It is called the *Jacobian* of the step. For a plain cell it is the
    matrix of the state, each row times the slope of tanh of that number:

    $$ J_t = \mathrm{diag}(1 - h_t^2) \, U $$

    Over many steps these matrices multiply, the latest one on the left:

    $$ \frac{\partial h_T}{\partial h_1} = J_T \, J_{T-1} \cdots J_2 $$

    In code, with one step and two:

    ```python
    import torch
    from torch.autograd.functional import jacobian

    U = torch.tensor([[0.5, -1.0], [0.8, 0.3]])
    first = torch.tensor([0.2, 0.4])

    def step(h):
        return torch.tanh(U @ h)

    second = step(first)
    by_hand = (1 - second**2)[:, None] * U
    by_tape = jacobian(step, first)
    torch.allclose(by_hand, by_tape)  # -> True

    def twice(h):
        return step(step(h))

    slopes = 1 - twice(first) ** 2
    two = slopes[:, None] * U @ by_hand
    torch.allclose(two, jacobian(twice, first))  # -> True
    ```

    How long can such a product be? Two numbers of a matrix answer, and they are often mixed up:

    - Its **largest singular value** is the most that one application can stretch an arrow. If it is below 1
      for $U$, each step shrinks every gradient, since no slope of tanh is above 1. Then all of it vanishes,
      surely. If it is above 1, gradients *may* explode; they need not (Pascanu 2012).
    - Its **spectral radius**, the size of its largest eigenvalue, says how its *powers* go in the end: as
      the radius to the power of the steps. It says nothing about the first few.

    For a rotation both are 1. For other matrices they may lie far apart. Predict:
    """)
    return


@app.cell(hide_code=True)
def exercise_hump():
    book.exercise("the_vanishing_gradient.hump")
    return


@app.cell(hide_code=True)
def figure_matrix():
    MatrixManyTimes()
    return


@app.cell(hide_code=True)
def exercise_product():
    book.exercise("the_vanishing_gradient.product")
    return


@app.cell(hide_code=True)
def text_measure():
    mo.md(r"""
    ## Measured: the real layer

    Enough of matrices of two rows. The library's layer holds 16 numbers. It reads 50 random steps, untrained,
    and we ask how much its last state moves with each input. The function below does so; it is the one behind
    `glassworks explain`. Predict what is left of the gradient after 49 steps back.
    """)
    return


@app.cell(hide_code=True)
def exercise_left():
    book.exercise("the_vanishing_gradient.left")
    return


@app.cell(hide_code=True)
def code_by_lag():
    book.source(gradient_by_lag, fold=True)
    return


@app.cell(hide_code=True)
def figure_starts():
    GradientOfStarts()
    return


@app.cell(hide_code=True)
def text_where_from():
    mo.md(r"""
    ## Where the factor comes from

    torch draws each number of $U$ evenly from $-1/\sqrt{n}$ to $1/\sqrt{n}$, for a state of $n$ numbers. Such
    a number has the mean square $1/(3n)$, and $n$ of them act on each number of the next state. So on average
    $U$ makes an arrow $\sqrt{1/3} = 0.577$ times as long, whatever the width. The slopes of tanh shrink it
    further: with ordinary inputs by 0.82. The product, 0.47, is close to what was measured, 0.48 a step, and
    $0.48^{49}$ is about $10^{-16}$. The table of the figure shows this for each start and seed.

    Three things follow.

    - **It is the start that forgets, not the kind of network.** "After 50 words a recurrent network has
      forgotten the first" is often said as if it were a law. It holds for this start with these inputs. With
      1.5 times a rotation the stretch just makes up for the slopes: $1.5 \cdot 0.66 = 0.98$.
    - **An *orthogonal start* is half a remedy.** A rotation neither stretches nor shrinks, but the slopes
      still take their part: 0.76 a step, a millionth after 49. It also is a *start*. Nothing keeps the
      matrix there once it learns.
    - **1.5 is no remedy either.** It balances for inputs of this size. Choose small inputs in the figure,
      and for most seeds the gradient grows; with large ones $10^{-8}$ of it is left.

    The lab ran ten seeds. It includes cells with gates, LSTM and GRU, which the next chapter builds: look how
    little they help as they usually start, and how much once a gate is open.
    """)
    return


@app.cell(hide_code=True)
def lab_gradient():
    book.lab("gradient-by-lag")
    return


@app.cell(hide_code=True)
def text_held():
    mo.md(r"""
    ## Held, and deaf

    Could one not set the factor to 1 and be done? In the last chapter one number remembered a bracket for
    three thousand letters. It held 0.958, since $\tanh(2 \cdot 0.958) = 0.958$. Look at its *gradient* there.

    A value is held when neighbours come back to it; otherwise the first bit of noise would carry it off. To
    come back means that a difference shrinks with each step. And a gradient *is* a difference: the effect of
    a little more or less, long ago. So where a plain cell holds something firmly, its gradient vanishes.
    Bengio (1994) showed it for such networks: either the memory is firm against noise, or the gradient
    comes through.

    Two half-truths fall with it. That the gradient vanishes does not mean that the network has *forgotten*:
    it may hold the bracket for ever. And that it *can* hold something does not mean that it can *learn* to.
    """)
    return


@app.cell(hide_code=True)
def figure_held():
    HeldAndDeaf()
    return


@app.cell(hide_code=True)
def exercise_held():
    book.exercise("the_vanishing_gradient.held")
    return


@app.cell(hide_code=True)
def text_cliff():
    mo.md(r"""
    ## Exploding: a wall in the loss

    Where factors lie above 1, the loss has places that are steep beyond measure. Below, a state runs 20 steps
    and shall end at 0.3. On both sides of $b = 0$ the loss slopes gently, and between them stands a
    wall. A gradient on the wall can be above a hundred, and a step in proportion to it lands far away, where
    tanh is flat and no slope leads back.

    The usual remedy is *gradient clipping*: where the gradient is longer than a limit $c$, shorten it to the
    limit (Pascanu 2012):

    $$ g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right) $$

    $\lVert g \rVert$ is one length, of the gradients of all parameters together: the root of the sum of all
    their squares. Then the direction stays, and only the length changes. Tick the box.
    """)
    return


@app.cell(hide_code=True)
def figure_cliff():
    TheCliff()
    return


@app.cell(hide_code=True)
def exercise_clip():
    book.exercise("the_vanishing_gradient.clip")
    return


@app.cell(hide_code=True)
def text_mends():
    mo.md(r"""
    Notice what clipping did not do: it did not find the foot of the wall. The descent goes to and fro across
    it. Clipping keeps a run alive, and a falling learning rate does the rest. Nor does it help against a
    gradient that is infinite or not a number: zero times infinite is no number either. And what of the other
    evil?
    """)
    return


@app.cell(hide_code=True)
def exercise_mends():
    book.exercise("the_vanishing_gradient.mends")
    return


@app.cell(hide_code=True)
def text_small():
    mo.md(r"""
    Adaptive optimisers such as Adam divide by the usual size of the gradient. Is a tiny gradient then not as
    good as a large one? For a weight that is used at *one* lag only, nearly. But $U$ is used at every step.
    Its gradient is the sum over all lags, and in float32 a sum keeps about seven digits:

    ```python
    import torch

    near, far = torch.tensor(1.0), torch.tensor(1e-8)
    bool(near + far == near)  # -> True
    ```

    What is a hundred-millionth of the rest is not small there. It is gone.

    ## Cut through time

    A text of a million letters cannot be unrolled whole. It is cut into pieces, the state is handed on, and
    at the cut the gradient ends: *truncated* *back-propagation through time*. So there are two kinds of
    memory: what the network can *hold* goes over the cut. What it can *learn to hold* ends there.

    It does not end with a jump. A letter near the beginning of a piece has little before it to learn from.
    For a lag of $k$ and pieces of $p$ letters, the share $1 - k/p$ of all letters has the right one in its
    piece.
    """)
    return


@app.cell(hide_code=True)
def figure_cut():
    CutThroughTime()
    return


@app.cell(hide_code=True)
def exercise_cut():
    book.exercise("the_vanishing_gradient.cut")
    return


@app.cell(hide_code=True)
def text_practice():
    mo.md(r"""
    ## What learning over long times means in practice

    Take the copy task of the last chapter: a symbol, a silence, and the question which symbol it was. Each
    drawing below trains three networks of 32 numbers, about a second each. Look at the loss. It lies at
    $\ln 8 = 2.08$, where guessing is, perhaps for long, and then it falls quickly, or never. That is how the
    vanishing gradient looks from outside: not a slow learner, but one that has nothing to follow until it
    finds a thread.

    Three things to try:

    - Make the silence longer. Some runs at 10 or 20 steps still succeed, though their gradient was tiny at
      the start: training itself moves the factors, and sometimes up. In the lab of the last chapter nine of
      ten plain networks learned 20 steps, and one of ten learned 60.
    - Start as a rotation.
    - Let the gradient go back 4 steps or 1, less than the silence. Nothing is then learned from the step of
      the symbol itself. Yet some runs name it: a rotation happens to keep a trace of it, the head learns to
      read that, and what the last steps teach the shared $U$ serves all steps.
    """)
    return


@app.cell(hide_code=True)
def figure_runs():
    CopyRuns()
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    What helps when long times matter, from the cheapest on:

    1. **Measure.** `glassworks explain RUN` draws the gradient by lag of your own trained network.
    2. **Make the way shorter.** Let the head see the mean of all states: then each step is one step from the
       loss. Read several steps at once. Both need no new cell.
    3. **Choose the start**, and clip.
    4. **Change the cell**, so that something is carried on by a sum and not by a matrix. That is the next
       chapter.
    5. **Leave the chain.** Attention connects every two places directly; a later chapter is about that.

    ## Try it on long series

    An actor draws a gun or only points with a finger; the place of the hand is one number, 150 times. The
    plain network reads forward and answers from its last state. Where the data are missing, `glassworks
    samples fetch gun-point` brings them.

    There are 42 series to learn from and 8 to judge by, so one right answer more is 12 points and means
    little. Look at the training loss: can the network follow at all? Guessing is 0.69. In two runs of ours
    each, after 60 epochs:

    | read at once | start | training loss |
    |:---|:---|---:|
    | 1 step | as torch's | 0.68, 0.43 |
    | 1 step | orthogonal | 0.53, 0.52 |
    | 5 steps | as torch's | 0.34, 0.24 |
    | 15 steps | as torch's | 0.004, 0.01 |

    Fifteen at once make ten steps of the 150, and those can be learned. The orthogonal start is not clearly
    better here. The mean of all states, which should have shortened the way as well, did *not* help: 0.68 and
    0.63. Two runs are few, and the data are few; that shorter ways are easier shows even so.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/the_vanishing_gradient",
        {
            "system": "rnn",
            "data": "sample:gun-point",
            "size": "tiny",
            "variant": "forward",
        },
        settings=(
            Choose("model.pooling", "the head sees", {"the last state": "last", "the mean": "mean"}),
            Choose("model.patch", "steps read at once", {"1": 1, "5": 5, "15": 15}),
            Choose("model.start", "start of U", {"as torch's": "uniform", "orthogonal": "orthogonal"}),
            Slider("epochs", "epochs", 1, 60, step=1, value=60),
        ),
    )
    return


@app.cell(hide_code=True)
def code_start():
    book.source(rnn.build)
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Going back over many steps multiplies many matrices. Their product shrinks or grows as a power, unless the
    factors are about 1. As torch starts a plain cell, the factor is about 0.47: the matrix stretches by 0.58,
    and tanh's slopes take the rest. That is a start, not a law. A plain cell that holds a value firmly has a
    gradient that vanishes there. Clipping bounds a step and brings nothing back; a cut through time ends
    what can be learned, not what can be held.

    What would a cell look like whose factor is 1 because it was built so? The next chapter builds it.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/the_vanishing_gradient")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/the_vanishing_gradient")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/the_vanishing_gradient")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/the_vanishing_gradient")
    return


if __name__ == "__main__":
    app.run()
