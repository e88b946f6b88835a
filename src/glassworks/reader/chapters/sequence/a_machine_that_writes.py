# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A machine that writes")

with app.setup:
    import marimo as mo

    from glassworks.api.writing import tokens_of
    from glassworks.blocks.sampling import chances
    from glassworks.models.sequence.text_lstm import TextLSTM
    from glassworks.reader import book
    from glassworks.reader.figure import Choose
    from glassworks.reader.figures.copied_or_new import CopiedOrNew
    from glassworks.reader.figures.guess_the_next import GuessTheNext
    from glassworks.reader.figures.how_bold import HowBold
    from glassworks.reader.figures.longer_runs import LongerRuns
    from glassworks.reader.figures.memory_handed_on import MemoryHandedOn
    from glassworks.reader.figures.one_character_ahead import OneCharacterAhead
    from glassworks.reader.figures.three_units import ThreeUnits
    from glassworks.tasks.text_generation import TextGeneration, Windows


@app.cell(hide_code=True)
def header():
    book.header("sequence/a_machine_that_writes")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## One question, again and again

    Cover a text with a sheet of paper, and uncover it one character at a time. At each place, guess what
    comes next. After *netwo* you are sure. At the beginning of a word you are not.

    A *language model* plays this game with numbers: from all that stands before a place it gives every
    possible next *token* a chance. A token is what it reads at a time: here a character, elsewhere a word.

    To write, the game is turned round. Draw a token from the chances, put it at the end of the text, and ask
    again. There is nothing else in it: no plan, no sentence that is thought first.

    The machine of the next figure counts which characters followed which in a text that you know, the parts
    of this book on foundations and on pictures. It is then shown a chapter of this part, which it has not
    read.
    """)
    return


@app.cell(hide_code=True)
def figure_guess():
    GuessTheNext()
    return


@app.cell(hide_code=True)
def text_lessons():
    mo.md(r"""
    ## A thousand lessons

    Guessing the next token is classification, as in the part on pictures, with as many classes as there are
    different tokens. The right class needs nobody to label it: it stands in the text. And there is one at
    every place, so that a text of a thousand characters holds 999 lessons.

    Three things make a network learn from all of them at once:

    - **Scores at every place.** The network gives logits after each token it reads, not after the last one
      alone. A network that keeps only the last place throws away all lessons of a window but one.
    - **The loss is *cross-entropy*,** the one of every classifier, averaged over the places.
    - **The true text comes in.** Whatever the network guessed at a place, at the next it is given the
      character that really stood there. This is *teacher forcing* (Williams 1989). Nothing has to be
      generated in training.
    """)
    return


@app.cell(hide_code=True)
def exercise_lessons():
    book.exercise("a_machine_that_writes.lessons")
    return


@app.cell(hide_code=True)
def text_shift():
    mo.md(r"""
    ## The shift by one

    So inputs and targets are the same text, and the targets are one token ahead:

    ```python
    import torch
    import torch.nn.functional as F

    text = torch.tensor([3, 1, 4, 1, 5])
    inputs, targets = text[:-1], text[1:]
    (inputs.tolist(), targets.tolist())  # -> ([3, 1, 4, 1], [1, 4, 1, 5])
    logits = torch.zeros(4, 10)  # a model that knows nothing of ten tokens
    round(F.cross_entropy(logits, targets).item(), 4)  # -> 2.3026
    ```

    A model that knows nothing of ten tokens has a loss of $\ln 10 = 2.3026$. That is worth checking before
    a training: a first loss far from $\ln$ of the vocabulary means that something is wrong.

    Off by one is the classic mistake here, and it does not crash. Some libraries shift inside the model,
    some leave it to you; shift in both places, and the model learns to guess the token after the next.
    """)
    return


@app.cell(hide_code=True)
def exercise_too_good():
    book.exercise("a_machine_that_writes.too_good")
    return


@app.cell(hide_code=True)
def figure_shift():
    OneCharacterAhead()
    return


@app.cell(hide_code=True)
def exercise_windows():
    book.exercise("a_machine_that_writes.windows")
    return


@app.cell(hide_code=True)
def code_windows():
    mo.vstack(
        [
            book.source(Windows, start="def load", stop="return WindowBatch"),
            book.source(TextGeneration, start="def loss", stop="return Loss"),
        ]
    )
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Nats, bits, perplexity

    The chance of a whole text is a product: that of the first token, times that of the second given the
    first, and so on. Products of thousands of chances are too small for a computer, so one adds logarithms.
    The *surprise* at a token that was given the chance $p$ is $-\ln p$, and the loss is its mean over the
    $n$ tokens of a text:

    $$ L = -\frac{1}{n} \sum_{t=1}^{n} \ln p(x_t \mid x_1, \dots, x_{t-1}) $$

    The natural logarithm gives *nats*. With base 2 they are *bits*: a chance of one half is 1 bit, of one in
    1,024 ten bits. A bit is $\ln 2 = 0.6931$ nats. *Perplexity* is the loss turned back into a number of
    choices, $e^L$: as uncertain as between so many tokens that are all alike.

    ```python
    import math

    loss = 1.136  # nats a character
    round(loss / math.log(2), 3)  # -> 1.639
    round(math.exp(loss), 2)  # -> 3.11
    round(2 ** (loss / math.log(2)), 2)  # -> 3.11
    ```

    All three say the same about the same tokens. For a text as a whole take the sum of the surprises in
    bits and share it among the characters: *bits per character*. That is also the size to which the model
    could pack the text, since a coder needs for each token the bits of its surprise, and hardly more.

    People were the first to play: Shannon had them guess, and put English between 0.6 and 1.3 bits a letter
    (Shannon 1951), with 26 letters and the space.
    """)
    return


@app.cell(hide_code=True)
def exercise_convert():
    book.exercise("a_machine_that_writes.convert")
    return


@app.cell(hide_code=True)
def exercise_bits():
    book.exercise("a_machine_that_writes.bits")
    return


@app.cell(hide_code=True)
def text_units():
    mo.md(r"""
    ## Characters, pieces, words

    What should a token be?

    - **Characters**: some hundred of them, none ever unknown. But sentences are long, and the model has to
      spell before it can say anything.
    - **Words**: sentences are short. But there are very many words, most of them rare, and whatever the
      *vocabulary* lacks is one and the same to the model: unknown.
    - **Pieces of words**: frequent words whole, rare ones in several pieces, down to single bytes, so that
      nothing is unknown. Large language models use them. A later chapter builds them.

    The three make different numbers of guesses on the same text. What does that do to the figures?
    """)
    return


@app.cell(hide_code=True)
def exercise_fair():
    book.exercise("a_machine_that_writes.fair")
    return


@app.cell(hide_code=True)
def figure_units():
    ThreeUnits()
    return


@app.cell(hide_code=True)
def text_counting():
    mo.md(r"""
    A perplexity without its tokens and its text says nothing, and is published every day. Switch off the
    spelling in the figure and look at the words: every ninth token is unknown, to guess *unknown* is easy,
    and the model that knows least looks best. Our reports add what it takes to spell such a word.

    ## What to beat: counting

    All figures up to here came without a network. An *n-gram* is a run of $n$ tokens; count them all, and
    the chance of a token is how often it followed the last $n - 1$. Most long runs of a new text were never
    read. So a little is taken off every count and given to the next shorter run; Kneser and Ney's way of
    doing it (Kneser 1995) was the best language model for decades. It has no weights, needs a tenth of a
    second here, and knows nothing of anything that stands further back.
    """)
    return


@app.cell(hide_code=True)
def figure_longer():
    LongerRuns()
    return


@app.cell(hide_code=True)
def text_model():
    mo.md(r"""
    Counting is what a network has to beat, and it is not easy. On the six novels of Jane Austen, 4 million
    characters, our LSTM needs 1.639 bits a character on the held-out part (1.630 to 1.649), counted runs of
    8 characters 1.695: 3 % less. With a quarter of a million characters, counting wins. Every report of
    `glassworks` puts the two side by side. The length of run of this *baseline* is chosen on another part.

    ## The network

    Counting has a window: what stands before it does not exist. A recurrent network has a memory instead
    (Mikolov 2010). Three layers do it: a table with a vector for each token, an LSTM, and a linear layer to
    the scores of all tokens. With 5,000 words, vectors of 128 and a state of 256 these have 640,000, 395,264
    and 1,285,000 parameters, together 2,320,264: five of six stand in the two tables of words, one in the
    LSTM.
    """)
    return


@app.cell(hide_code=True)
def code_model():
    book.source(TextLSTM, fold=True)
    return


@app.cell(hide_code=True)
def text_memory():
    mo.md(r"""
    Besides the scores the memory comes out, and it can be put in again. It stands for all that was read, so
    reading a text in two pieces is the same as reading it in one:

    ```python
    import torch
    from torch import nn

    lstm = nn.LSTM(4, 8, batch_first=True)
    text = torch.randn(1, 10, 4)
    whole, _ = lstm(text)
    first, memory = lstm(text[:, :6])
    second, _ = lstm(text[:, 6:], memory)
    torch.allclose(torch.cat([first, second], dim=1), whole, atol=1e-6)  # -> True
    ```

    Writing lives on that: each new token costs one step, however long the text is. Who forgets to hand the
    memory on gets a machine that reads one token at a time and knows nothing else.
    """)
    return


@app.cell(hide_code=True)
def figure_memory():
    MemoryHandedOn()
    return


@app.cell(hide_code=True)
def text_writing():
    mo.md(r"""
    ## Choosing the next token

    The model gives chances. It does not choose; that is up to you:

    - **Greedy**: always the likeliest. It needs no softmax, which changes no order. And it circles: what was
      likely after *the same* is likely again the next time.
    - **Temperature**: divide the logits by $T$ before the softmax, then draw. Below 1 the likely becomes
      likelier; as $T$ nears 0 it is greedy.
    - **Top-k** (Fan 2018): draw only from the $k$ likeliest.
    - **Top-p** (Holtzman 2019): draw only from the fewest that hold a share $p$ together. Where the model is
      sure that is one token, where it is not, many.

    Why cut at all? Each of thousands of unlikely tokens is hardly ever drawn. Together they are, every few
    words, and the model must then go on from something that it has never read.

    The text ends at a stop: a token that says *end*, a given string, or a number of tokens. The model must
    have seen ends in its training to write one.
    """)
    return


@app.cell(hide_code=True)
def figure_bold():
    HowBold()
    return


@app.cell(hide_code=True)
def exercise_top_p():
    book.exercise("a_machine_that_writes.top_p")
    return


@app.cell(hide_code=True)
def code_writing():
    mo.vstack([book.source(chances, fold=True), book.source(tokens_of, fold=True)])
    return


@app.cell(hide_code=True)
def text_exposure():
    mo.md(r"""
    ## Reading its own words

    In training the model only ever read true text. When it writes, it reads what it wrote. This difference
    is *exposure bias*. The fear is that mistakes pile up: one odd word, then odder ones. A remedy is to let
    the model read some of its own guesses while it learns (Bengio 2015), which gives up part of the speed of
    teacher forcing. How bad is it? Where it was measured, models found back after odd beginnings more than
    they drifted off (He 2019). Not every bad text is exposure bias: greedy circles come from the choice.

    This loop, guess and append, is also how the large chat models write. The rest is different: a
    Transformer in the place of the LSTM, pieces of words, far more text, and a second training in which
    people's judgements say what a good answer is. The next parts are about these.

    ## Memorised or made up?

    A machine that writes well may simply have a good memory. Before you look, guess.
    """)
    return


@app.cell(hide_code=True)
def exercise_copied():
    book.exercise("a_machine_that_writes.copied")
    return


@app.cell(hide_code=True)
def figure_copied():
    CopiedOrNew()
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    So look for what a model wrote in what it read, before you call it new. And compare with the right thing:
    people repeat each other too. A text that was read many times, or stands in the training text many times,
    is copied soonest. Names and numbers that must not come out must not go in.

    ## Train it

    The panel trains a small LSTM on the six novels: two passes, a minute or two of one core. Where they are
    missing, `glassworks samples fetch austen` brings them. In our run it ended at 2.04 bits a character on
    the validation part, well behind the 1.71 of the counted runs: that is what a minute buys. `--size small`
    has a wider memory and reads more.

    Below it you can train on a book of your own. It stays on this machine. In a terminal that is

    ```console
    glassworks train text_lstm --data mybook.txt --out runs/mine
    glassworks evaluate runs/mine
    glassworks generate runs/mine "It was" --temperature 0.8 --top-p 0.95 --stop "Chapter"
    glassworks explain runs/mine page.txt
    ```

    The last one draws your text in the colours of surprise. The novels are cut in three by position: the
    model learns from the beginning of each, is chosen on what follows, and judged on the end. Windows mixed
    at random would put every sentence's neighbours into the training part.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/a_machine_that_writes",
        {"system": "text_lstm", "data": "sample:austen", "size": "tiny"},
        settings=(
            Choose("variant", "tokens", {"characters": "character", "pieces": "piece", "words": "word"}),
            Choose("model.width", "numbers of memory", {"128": 128, "32": 32, "256": 256}),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/a_machine_that_writes", {"system": "text_lstm", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A language model guesses the next token, at every place, and learns from texts that nobody labelled.
    Targets are inputs shifted by one; a loss that is too good means they are not. Nats, bits and perplexity
    say the same for the same tokens; across tokens compare bits a character, and always beside counting. To
    write is to draw, append and go on, with the memory handed on. And what reads well may have been copied.

    The next part takes this up with pieces of words and a Transformer. Next in this one: what the vectors in
    the table of tokens come to mean.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/a_machine_that_writes")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/a_machine_that_writes")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/a_machine_that_writes")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/a_machine_that_writes")
    return


if __name__ == "__main__":
    app.run()
