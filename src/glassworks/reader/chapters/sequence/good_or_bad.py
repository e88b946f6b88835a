# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Good or bad? Sentiment")

with app.setup:
    import marimo as mo

    from glassworks.data.sequence_batches import SequenceBatches
    from glassworks.data.vocabulary import Vocabulary, learn
    from glassworks.insight.words import gradient_shares, occlusion_shares, removal
    from glassworks.models.sequence.sentiment import AttentiveReader, LSTMReader, SentimentReader
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.batches_by_length import BatchesByLength
    from glassworks.reader.figures.copies_leak import CopiesLeak
    from glassworks.reader.figures.padding_moves_a_verdict import PaddingMovesAVerdict
    from glassworks.reader.figures.share_of_one_class import ShareOfOneClass
    from glassworks.reader.figures.which_words import WhichWords
    from glassworks.reader.figures.who_reads_not import WhoReadsNot
    from glassworks.reader.figures.words_to_numbers import WordsToNumbers


@app.cell(hide_code=True)
def header():
    book.header("sequence/good_or_bad")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A table, and what comes of it

    A table has two columns: a sentence on a film, and whether it is positive or negative. At the end there
    shall be a model that reads a new sentence, says which, and shows which words made it say so. It shall
    come with an honest number: how often it is right on sentences that it has never seen, and what a much
    simpler thing achieves there.

    The best known table of this kind holds 50,000 whole reviews (Maas 2011). Ours is smaller: 10,605
    sentences, each with the mean of some twenty people's ratings from -4 to 4 (Hutto 2014). The sign of the
    mean is the label; 533 sentences near zero, on which people do not agree, are left out, and 10,072
    remain. So the labels are opinions. Nobody can be right about all of them.

    ## Words to numbers

    A network takes numbers. So a text is cut into *tokens*, here words and signs, and each token gets a
    number from a list, the *vocabulary*. Three things about it matter more than they seem:

    - **It is learned from the training part alone.** A vocabulary that has seen the test part knows words
      that a stranger's text would not bring. That is *leakage*, if a mild one.
    - **Whatever is not in it is *unknown*, and all of that shares one number.** If every word of the training
      part had a number of its own, no training text would hold an unknown one, and the first new text
      would meet numbers that were never learned. So words that occur once are left out. The model
      below goes further and hides some words while it learns.
    - **One number means *padding*:** nothing is here.

    Move the figure: it learns from explanations out of this book's glossary, and is tried on others.
    """)
    return


@app.cell(hide_code=True)
def figure_words():
    WordsToNumbers()
    return


@app.cell(hide_code=True)
def exercise_vocabulary():
    book.exercise("good_or_bad.vocabulary")
    return


@app.cell(hide_code=True)
def code_vocabulary():
    mo.vstack([book.source(learn), book.source(Vocabulary, fold=True)])
    return


@app.cell(hide_code=True)
def text_table():
    mo.md(r"""
    ## Numbers to vectors

    Word 892 is not larger than word 12 in any way that matters. So the number is only used to look
    something up: an *embedding* is a table with a row of numbers for each word. The rows are parameters, and
    learn with all others.

    Looking up a row is the same as multiplying a *one-hot* vector, all zeros and a single 1, by the
    table. It is only cheaper, forwards and backwards: a row that was not looked up gets no gradient.

    ```python
    import torch
    import torch.nn.functional as F
    from torch import nn

    table = nn.Embedding(10, 4, padding_idx=0)
    words = torch.tensor([7, 2, 7, 0])
    one_hot = F.one_hot(words, 10).float()
    torch.equal(table(words), one_hot @ table.weight)  # -> True
    table(words).sum().backward()
    table.weight.grad.sum(1)[[7, 2, 3, 0]].tolist()  # -> [8.0, 4.0, 0.0, 0.0]
    ```

    Word 7 stands there twice and hears twice; word 3 does not stand there. Word 0 is the padding:
    `padding_idx` keeps its row at zero and out of the learning.

    ## Two readers

    An LSTM reads the vectors from the first word to the last, a second one from the last to the first
    (Schuster 1997). All of a sentence is there when the question is asked, so *bidirectional* is allowed. A
    linear layer looks at where both end. With 10,000 words of 100 numbers and 64 numbers in each direction
    that is 128 numbers for the head and 1,085,121 parameters, of which 1,000,000 are the table.

    Its twin reads with a *Transformer*'s encoder (Vaswani 2017), a later chapter's subject, and takes the
    mean over the words. In the code the two are exchanged by one word.
    """)
    return


@app.cell(hide_code=True)
def code_model():
    mo.vstack(
        [
            book.source(SentimentReader),
            book.source(LSTMReader, fold=True),
            book.source(AttentiveReader, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def exercise_count():
    book.exercise("good_or_bad.count")
    return


@app.cell(hide_code=True)
def text_logits():
    mo.md(r"""
    **What comes out is no probability.** The model returns *logits*, any numbers at all. A sigmoid or
    softmax is for people who look at them. Inside the model it does harm: float32 rounds a large score to
    exactly 1 or 0, and then the loss has nothing to hold on to, just where the model is most wrong:

    ```python
    import torch
    import torch.nn.functional as F

    score, truth = torch.tensor([-200.0], requires_grad=True), torch.ones(1)
    F.binary_cross_entropy(score.sigmoid(), truth).backward()
    score.grad.item() == 0  # -> True
    score.grad = None
    F.binary_cross_entropy_with_logits(score, truth).backward()
    score.grad.item()  # -> -1.0
    ```

    **And something always comes out.** A model with random weights gives about 0.5 for "a wonderful
    film". A number from 0 to 1 is no sign that anything was learned.

    ## Padding, and the reader that begins in it

    A batch is one tensor, so shorter texts are filled up with padding. That has been the matter of an earlier
    chapter; here it strikes twice. The reader from the start goes on through the padding and carries what it
    had read away with it. The reader from the end *begins* there. Below, the same trained reader with and
    without the lengths. (It learned, as the readers of the figures further down, from remarks on films that a
    small program of this book makes up, in which it is known what is right.)
    """)
    return


@app.cell(hide_code=True)
def exercise_padding():
    book.exercise("good_or_bad.padding")
    return


@app.cell(hide_code=True)
def figure_padding():
    PaddingMovesAVerdict()
    return


@app.cell(hide_code=True)
def text_lab():
    mo.md(r"""
    A reader that is trained with padding, and never told, learns to pass over some of it. Is that as good? A
    lab asked it of digits that are read row by row: 93.5 % with the lengths, 90.0 % without; and 83.3 % where
    there was more padding than in training.
    """)
    return


@app.cell(hide_code=True)
def lab_padding():
    book.lab("padding-and-masks")
    return


@app.cell(hide_code=True)
def text_buckets():
    mo.md(r"""
    Once the lengths are known padding is harmless, and still costs time. Texts of like length are
    therefore put into the same batch. Sorting the whole table once would do, and would show the model the
    same batches at each pass, the short ones first. So the shuffled rows are cut into pools, each pool is
    sorted and dealt out, and the batches change places.
    """)
    return


@app.cell(hide_code=True)
def figure_batches():
    BatchesByLength()
    return


@app.cell(hide_code=True)
def code_batches():
    book.source(SequenceBatches, start="def _places", stop="return placed")
    return


@app.cell(hide_code=True)
def text_beat():
    mo.md(r"""
    ## What has to be beaten

    The simplest *baseline* answers the same to everything. The one to fear is another: count the words of
    each text, and pairs of words, let rare ones weigh more (*TF-IDF*; Spärck Jones 1972), and fit a
    linear model. It learns in a second and knows no order beyond two words.

    Where does order help? In the made-up remarks it is known: half of them say it plainly, a quarter turn a
    word round with "not", a quarter take the first half back with "but". Try "not bad at all" as well,
    of which no remark of the kit holds the end.
    """)
    return


@app.cell(hide_code=True)
def figure_readers():
    WhoReadsNot()
    return


@app.cell(hide_code=True)
def exercise_baseline():
    book.exercise("good_or_bad.baseline")
    return


@app.cell(hide_code=True)
def text_recorded():
    mo.md(r"""
    The kit is a toy: eleven things, twenty-two judgements, three rules. Real sentences were measured,
    too. Each line is an experiment with held-out rows of its own, so read along the lines:

    | learned from | network | right | counted words, same rows |
    |:---|:---|:---|:---|
    | 2,000 sentences | two LSTMs, from nothing | 71.6 % | 72.1 % |
    | 7,052 sentences | two LSTMs, from nothing | 79.7 % (77.6 to 81.6) | 78.5 % |
    | 2,000 sentences | MiniLM, fine-tuned | 80.9, 83.0, 83.2 % | 72.9 % |

    So with 2,000 labels, reading in order is *not* better than counting. With 7,052 it is a point ahead,
    which lies within the interval: not shown either. (The held-out rows were seen more than once while
    this was built, which flatters the networks a little.) What does help is a model that has read much
    before: *fine-tuning* MiniLM, of a later chapter, brings eight to ten points.

    Two details moved the network more than its kind did. Its word vectors start with a spread of 0.1; with
    torch's 1 a word that was seen twice keeps a random vector, which drowns what was learned: 60
    instead of 72.5 % on validation. And half of the words are hidden while it learns.

    ## Numbers that flatter

    Most people who write to a shop are content. Where nine in ten are, "positive" to everything is right in
    90 %. *Accuracy* alone cannot tell that from a model. *Balanced accuracy* takes the mean over the classes,
    *F1* looks at the rare one. Every report shows them beside the baselines.
    """)
    return


@app.cell(hide_code=True)
def figure_share():
    ShareOfOneClass()
    return


@app.cell(hide_code=True)
def exercise_imbalance():
    book.exercise("good_or_bad.imbalance")
    return


@app.cell(hide_code=True)
def text_copies():
    mo.md(r"""
    The other flatterer is copies. Reviews are posted twice, letters follow a form, "Great product!" is
    written by a thousand people. Split by row, and copies land on both sides: a part of the test is a
    test of memory. The figure makes it plain with labels that are tossed coins.
    """)
    return


@app.cell(hide_code=True)
def figure_copies():
    CopiesLeak()
    return


@app.cell(hide_code=True)
def exercise_copies():
    book.exercise("good_or_bad.copies")
    return


@app.cell(hide_code=True)
def text_which():
    mo.md(r"""
    ## Which words decided

    Two questions can be asked of a trained reader. Both need a text in which a word is *not there*: here
    every missing word becomes the unknown one.

    *Occlusion* leaves out one word at a time and looks how much lower the score is. *Integrated gradients*
    (Sundararajan 2017) walk from the text of unknown words, $x'$, to the text itself, $x$, in a straight line
    through the vectors, and add up the slopes on the way:

    $$ \text{share}_i = (x_i - x'_i) \int_0^1 \frac{\partial f}{\partial x_i}(p_\alpha) \, d\alpha $$
    $$ p_\alpha = x' + \alpha \, (x - x') $$

    The share of a word is the sum over the numbers of its vector. All shares together are exactly $f(x) -
    f(x')$. This *completeness* is checked here each time, and more steps are taken until it holds.
    """)
    return


@app.cell(hide_code=True)
def exercise_integrated():
    book.exercise("good_or_bad.integrated")
    return


@app.cell(hide_code=True)
def figure_which():
    WhichWords()
    return


@app.cell(hide_code=True)
def text_limits():
    mo.md(r"""
    Look at "the story is not really dull", read by the two LSTMs. "dull" speaks *for* the story: shares
    are of words in this sentence, not of words as such. And in "the film is moving" a good part goes to
    "is", which nobody would call praise. The sum is right to a hundredth, and that is all that
    completeness checks: how it is divided depends on the blank and on the path.

    Leaving out asks a plainer question and has no sum to keep. Without "not" the score falls, without "dull"
    it falls, and together they cost more than there is. The reverse happens with two words that say the
    same: leave out either, and the other still says it.

    Neither tells whether the model is *right*, only what it used. What can be tested is whether the
    named words matter: take them away, take as many others away, and compare. `glassworks explain` does.
    """)
    return


@app.cell(hide_code=True)
def exercise_shares():
    book.exercise("good_or_bad.shares")
    return


@app.cell(hide_code=True)
def code_shares():
    mo.vstack(
        [
            book.source(gradient_shares, fold=True),
            book.source(occlusion_shares, fold=True),
            book.source(removal, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train it

    The whole system on the real sentences, some ten seconds on one core. Where they are missing,
    `glassworks samples fetch movie-reviews` brings them. The report tells the counted words beside it. Hide
    more of the words: does the gap between training and validation shrink?

    Below it you can train it on a table of your own: a text and a label in each row, some hundred rows or
    more. It stays on this machine.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/good_or_bad",
        {"system": "sentiment", "data": "sample:movie-reviews", "size": "tiny"},
        settings=(
            Choose("variant", "reader", {"two LSTMs": "lstm", "Transformer": "transformer"}),
            Choose("model.hidden", "words hidden while learning", {"10 %": 0.1, "50 %": 0.5, "none": 0.0}),
            Slider("epochs", "epochs", 1, 6, step=1, value=3),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/good_or_bad", {"system": "sentiment", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    Words become numbers by a vocabulary of the training part, and numbers become rows of a table that
    learns. Two readers, one from each end, need the lengths. Scores leave the model as logits. Count
    words first: with 2,000 sentences a network from nothing did not beat that. A rare class and copied
    texts make numbers that flatter. Shares of words sum to what they explain, which does not make each of
    them true.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/good_or_bad")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/good_or_bad")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/good_or_bad")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/good_or_bad")
    return


if __name__ == "__main__":
    app.run()
