# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Gates")

with app.setup:
    import marimo as mo

    from glassworks.insight.recurrent import readings
    from glassworks.models.sequence.gru import GRUCell
    from glassworks.models.sequence.lstm import LSTM, LSTMCell
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.blocks_counted import BlocksCounted
    from glassworks.reader.figures.carried_cell import CarriedCell
    from glassworks.reader.figures.forget_bias import ForgetBias
    from glassworks.reader.figures.gates_over_time import GatesOverTime
    from glassworks.reader.figures.one_gru_step import OneGRUStep
    from glassworks.reader.figures.one_lstm_step import OneLSTMStep
    from glassworks.reader.figures.two_conventions import TwoConventions


@app.cell(hide_code=True)
def header():
    book.header("sequence/gates")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A sum instead of a matrix

    In a plain *recurrent network* everything that is remembered goes through a matrix and through tanh, at
    every step. Both change it, and the *vanishing gradient* is the price. So give the memory a way of its
    own, on which nothing happens unless something shall. One number $c$ is enough to see it:

    $$ c' = f \cdot c + i \cdot g $$

    $g$ is what could be written, a number between -1 and 1. $i$ says how much of it is written, and $f$ how
    much of the old memory stays. Both lie between 0 and 1. With $f = 1$ and $i = 0$ the memory is the same
    after one step, fifty, or a million. So is its *gradient*: the derivative of $c'$ in $c$ is $f$, and a
    product of ones is one.

    That sum is the idea of *long short-term memory* (Hochreiter 1997). The plain cell in the figure begins
    with the same 0.8 and has $u = 1$, with which it forgets most slowly without clinging to one value. Move
    the gates.
    """)
    return


@app.cell(hide_code=True)
def figure_carried():
    CarriedCell()
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Who moves the gates?

    The cell itself. A *gate* is computed like a plain state, from what comes in and from the state before,
    each with weights of its own. Only the last function differs: a sigmoid, $\sigma(s) = 1 / (1 + e^{-s})$,
    which lies between 0 and 1. An LSTM has three gates and a *candidate*:

    $$ i = \sigma(W_i x + U_i h) \qquad \text{input gate} $$
    $$ f = \sigma(W_f x + U_f h) \qquad \text{forget gate} $$
    $$ g = \tanh(W_g x + U_g h) \qquad \text{candidate} $$
    $$ o = \sigma(W_o x + U_o h) \qquad \text{output gate} $$

    Each sum also has its biases. Then the memory moves, and a part of it is shown as the new state:

    $$ c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c') $$

    $\odot$ multiplies number by number: each number of the memory has gates of its own. The memory $c$
    never meets a matrix; the state $h$ does, on its way into the gates of the next step. The name of the
    forget gate misleads: it says how much *stays*.

    The three gates are often all dated 1997. The cell of Hochreiter (1997) had an input and an output gate;
    its memory stayed by itself, and nothing could clear it. The forget gate came with Gers (2000). What is
    called LSTM today is both.
    """)
    return


@app.cell(hide_code=True)
def figure_lstm():
    OneLSTMStep()
    return


@app.cell(hide_code=True)
def exercise_memory():
    book.exercise("gates.memory")
    return


@app.cell(hide_code=True)
def code_lstm():
    book.source(LSTMCell)
    return


@app.cell(hide_code=True)
def exercise_lstm():
    book.exercise("gates.lstm_step")
    return


@app.cell(hide_code=True)
def text_open():
    mo.md(r"""
    ## Does that mend the vanishing gradient?

    "An LSTM solves the vanishing gradient" is half true. It *can* keep the gradient; it must have its forget
    gate open to do so. As torch starts it, the biases are near 0, and the sigmoid of 0 is one half. Half a
    gate is half a memory after each step, $0.5^{50} = 8.9 \cdot 10^{-16}$ after fifty. In the lab of the last
    chapter an LSTM at torch's start was left with $10^{-10.4}$ of its gradient: better than $10^{-15.8}$, and
    useless as well. There are other ways than along the memory, through the state and its matrix, so what is
    measured is a little more than the gate alone leaves.

    So start the gate open. A bias of 1 is an old and common advice (Jozefowicz 2015). That is a gate 73 %
    open, and enough for a few steps; for fifty one needs 5. (torch adds two biases. Who sets both to 1 has
    set 2.) It is a start, no rule: from there on the bias is learned like any other number.
    """)
    return


@app.cell(hide_code=True)
def figure_bias():
    ForgetBias()
    return


@app.cell(hide_code=True)
def exercise_half():
    book.exercise("gates.half")
    return


@app.cell(hide_code=True)
def text_copy():
    mo.md(r"""
    Does it show in learning? In the copy task, where a symbol must be carried over a silence, ten networks of
    each kind learned for 400 steps. Symbols named, in per cent, on average (chance is 12.5):

    | network | over 20 steps | over 60 steps |
    |:---|---:|---:|
    | plain | 92 | 21 |
    | plain, a rotation | 92 | 90 |
    | LSTM | **12** | 12 |
    | LSTM, gate open | 100 | 87 |
    | GRU | 100 | 12 |
    | GRU, gate open | 100 | 100 |

    Look at the third row. As it usually starts, the LSTM was *worse* than the plain cell: it learned
    nothing over 20 steps, in none of ten runs. Longer training might have changed that; a gate that starts
    open did so at once. The gates do not remember. They make it possible to.

    ## Gates at work

    When shall a gate open? That is learned. A small task shows it: at each step a random number comes in,
    with a mark that is 1 now and then and otherwise 0. Asked, at every step, is the last number that had a
    mark. A memory of a single number should do.
    """)
    return


@app.cell(hide_code=True)
def exercise_work():
    book.exercise("gates.work")
    return


@app.cell(hide_code=True)
def figure_work():
    GatesOverTime()
    return


@app.cell(hide_code=True)
def code_readings():
    book.source(readings, fold=True)
    return


@app.cell(hide_code=True)
def text_work():
    mo.md(r"""
    With one number of memory, LSTM and GRU learn the task in half a second, and the plain cell does not learn
    it at all. It cannot hold *any* number; near a fixed value everything comes back to that value. With four
    numbers it gets along in most runs, at an error several times as large.

    Gates are easy to read here because the task is. In a large network most gates stand somewhere in the
    middle, and what they keep is spread over many numbers. `glassworks explain RUN` draws the gates of a run
    of your own over time, and says how often each stood fully open or shut.

    ## GRU: two gates, one state

    The *gated recurrent unit* of Cho (2014) has no memory beside its state. An update gate $z$ mixes the old
    state with a candidate, and a reset gate $r$ says how much of the old state the candidate sees:

    $$ r = \sigma(W_r x + U_r h), \qquad z = \sigma(W_z x + U_z h) $$
    $$ n = \tanh(W_n x + r \odot (U_n h)) $$
    $$ h' = z \odot h + (1 - z) \odot n $$

    Where $z$ is 1 the state goes on untouched, and its gradient too. So the additive way is there as well.
    What is kept and what is written add up to 1: a GRU cannot keep everything and write on top of it, as an
    LSTM can with $f = 1$ and $i = 1$. Therefore its state stays between -1 and 1, and an LSTM's memory need
    not.
    """)
    return


@app.cell(hide_code=True)
def figure_gru():
    OneGRUStep()
    return


@app.cell(hide_code=True)
def code_gru():
    book.source(GRUCell)
    return


@app.cell(hide_code=True)
def exercise_gru():
    book.exercise("gates.gru_step")
    return


@app.cell(hide_code=True)
def text_conventions():
    mo.md(r"""
    ## One name, two cells

    "GRU" is written in two ways, twice over.

    - **The update gate.** Cho (2014) keeps with it, $z \odot h + (1 - z) \odot n$, and so does torch. Chung
      (2014) takes with it, $(1 - z) \odot h + z \odot n$. That is a matter of names: turn the sign of the
      gate's weights, and one is the other.
    - **The reset gate.** It may act behind the state's matrix, $r \odot (U_n h)$, or before it,
      $U_n (r \odot h)$. The paper exists with both. Torch and cuDNN have it behind. This is *not* a matter of
      names: the same weights give other answers.
    """)
    return


@app.cell(hide_code=True)
def exercise_same():
    book.exercise("gates.same")
    return


@app.cell(hide_code=True)
def figure_conventions():
    TwoConventions()
    return


@app.cell(hide_code=True)
def text_count():
    mo.md(r"""
    ## A quarter less

    "A GRU is smaller, since it has two gates instead of three." How much smaller? Gates are not the measure;
    blocks are. A block is a matrix for what comes in, a matrix for the state, and two biases, and the
    candidate is a block as well. An LSTM has four, a GRU three, a plain cell one. So a GRU has three quarters
    of an LSTM's parameters, exactly, whatever the sizes:

    ```python
    from torch import nn

    def count(layer):
        return sum(p.numel() for p in layer.parameters())

    count(nn.LSTM(1, 64, num_layers=2))  # -> 50432
    count(nn.LSTM(128, 256)), count(nn.GRU(128, 256))  # -> (395264, 296448)
    ```
    """)
    return


@app.cell(hide_code=True)
def figure_blocks():
    BlocksCounted()
    return


@app.cell(hide_code=True)
def exercise_count():
    book.exercise("gates.count")
    return


@app.cell(hide_code=True)
def text_speed():
    mo.md(r"""
    ## And faster?

    Three quarters of the numbers, three quarters of the products. Then a GRU takes three quarters of the
    time, one reads. We put both on a clock. Predict:
    """)
    return


@app.cell(hide_code=True)
def exercise_speed():
    book.exercise("gates.speed")
    return


@app.cell(hide_code=True)
def lab_gru():
    book.lab("gru-against-lstm")
    return


@app.cell(hide_code=True)
def text_kernels():
    mo.md(r"""
    The claim *does not hold here*, and it is the clock that decides so. The accuracy is no verdict either
    way: the GRU's was 1.9 points lower on average, and the interval, from -5.1 to 1.3, holds 0. Chung (2014)
    found no clear winner either.

    Why twice as long? The loop that you wrote calls torch many times for each step. A *fused kernel* does all
    steps in one call. For an LSTM torch has such a kernel on this processor; its GRU goes step by step. Our
    benchmark took the time of a training step with 2,048 items, in milliseconds:

    | layer, fp32 | fused | loop |
    |:---|---:|---:|
    | LSTM, state 64 | 3.5 | 13.2 |
    | LSTM, state 256 | 27.0 | 63.2 |
    | GRU, state 256 | 48.9 | 53.1 |

    The library's layer takes the fused way wherever nobody looks into its cells, with the same answers.
    Where texts have unequal lengths it uses a trick that you can read now: over padding it adds 10,000 to
    the forget gate's sum and takes as much from the input gate's. Then $f = 1$ and $i = 0$, exactly, and
    the memory is held still until the end.
    """)
    return


@app.cell(hide_code=True)
def code_padding():
    book.source(LSTM.run_fused)
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train both

    Nine speakers say two vowels in a row; twelve numbers describe each moment of the sound, 7 to 29 moments
    in all. Who speaks? Train one cell, then the other, with the same seed, and then with other seeds. How
    large is the difference between the cells beside that between the seeds? Where the data are missing,
    `glassworks samples fetch japanese-vowels` brings them.

    Below it, an LSTM learns from series of your own: one table with a class for each series. They stay on
    this machine.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/gates",
        {
            "system": "lstm",
            "data": "sample:japanese-vowels",
            "size": "tiny",
            "variant": "forward",
        },
        settings=(
            Choose("system", "cell", {"LSTM": "lstm", "GRU": "gru", "plain": "rnn"}),
            Choose("model.width", "numbers of state", {"32": 32, "8": 8, "2": 2}),
            Slider("epochs", "epochs", 1, 40, step=1, value=20),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/gates", {"system": "lstm", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    An LSTM carries a memory by a sum: a forget gate says what stays, an input gate what is written, an
    output gate what is shown. Along the memory the gradient is a product of forget gates, so it lasts where
    they stand open. They do not at the usual start; a bias of 1 opens them for a few steps, one of 5 for a
    hundred. A GRU mixes old and new with one gate and has exactly three quarters of the parameters; whether
    it is faster is a matter of the kernel, and here it was slower. Before you load weights of a GRU, ask
    where its reset gate stands.

    The additive way is older than the *residual connections* of deep networks and is the same idea: what
    needs no change should pass unchanged. The next chapters put these cells to work.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/gates")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/gates")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/gates")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/gates")
    return


if __name__ == "__main__":
    app.run()
