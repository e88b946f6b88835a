# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Attention")

with app.setup:
    import marimo as mo

    from glassworks.blocks.attention import CrossAttention
    from glassworks.insight.alignment import falls_without
    from glassworks.judging.translation import bleu_of, overlaps
    from glassworks.models.sequence.seq2seq import Additive, Multiplicative, Seq2Seq, looked_up
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.beams_by_hand import BeamsByHand
    from glassworks.reader.figures.maps_of_dates import LearnsToAlign, SameAnswersOtherMaps
    from glassworks.reader.figures.one_slip import OneSlip
    from glassworks.reader.figures.overlap_counted import OverlapCounted
    from glassworks.reader.figures.soft_dictionary import SoftDictionary
    from glassworks.reader.figures.two_networks import TwoNetworks


@app.cell(hide_code=True)
def header():
    book.header("sequence/attention")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## One reads, another writes

    A translation is as long as it has to be, and its words stand in an order of their own. A network that
    gives one answer for each word it reads cannot do that. So take two recurrent networks: one reads the
    source to its end, the other begins with what the first knows then, and writes word after word until it
    says *end*. This is the *encoder-decoder* (Cho 2014), also called sequence to sequence (Sutskever 2014).
    In this chapter they are called the reader and the writer.

    Between the two lies one *state*: a list of numbers, as long for a word as for a page. Everything the
    writer will ever know of the source has to be in it.

    It worked, and it had a weakness that was soon measured: the longer the sentence, the worse the
    translation (Cho 2014). Sutskever's team read its sources from behind, so that
    the first words of a source were read last, close to the first words of the answer. That gained 4.7
    points of BLEU, a figure that we come to below. It shortens
    some of the ways, and adds none.
    """)
    return


@app.cell(hide_code=True)
def figure_networks():
    TwoNetworks()
    return


@app.cell(hide_code=True)
def exercise_bottleneck():
    book.exercise("attention.bottleneck")
    return


@app.cell(hide_code=True)
def lab_bottleneck():
    book.lab("bottleneck")
    return


@app.cell(hide_code=True)
def text_soft():
    mo.md(r"""
    Two things about this lab are worth a second look. Its verdict is *not shown*, although the gain at 16
    letters could not be larger. The rule wanted the small network without attention to be able to do short
    texts in all its runs, and one of three got a quarter of them right. A rule that was written before the
    numbers stays. And the last column: attention is no master of length either. With 20 letters, more than
    it ever learned from, it gets 9 % right.

    ## A dictionary that answers every question

    How can the writer look back? Python has a thing for looking up: a dictionary. It compares a question
    with its keys, and where one is *equal* it gives that key's value. All other questions end in an error.
    Equal or not equal has no slope, so nothing could be learned through it.

    Make each part soft. Let each key say *how well* it fits, as a number, the score. Let *softmax* turn the
    scores into shares that sum to 1. And give the average of all values by these shares. Now every question
    has an answer, and the answer moves a little when the question, a key or a value moves a little: the
    gradient gets through. This is *attention* (Bahdanau 2014).
    """)
    return


@app.cell(hide_code=True)
def figure_soft():
    SoftDictionary()
    return


@app.cell(hide_code=True)
def exercise_lookup():
    book.exercise("attention.lookup")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Who asks, and how a score is made

    The reader has one state for each token of the source, $h_1 \ldots h_n$. They used to be thrown away;
    now they are kept, and called the memory. The writer's state $s$ asks. A place $j$ gets a score $e_j$,
    which is additive (Bahdanau 2014)

    $$ e_j = v^\top \tanh(W s + U h_j) $$

    or multiplicative (Luong 2015)

    $$ e_j = s^\top W h_j $$

    and then both do the same:

    $$ a_j = \frac{e^{e_j}}{\sum_k e^{e_k}} \qquad c = \sum_j a_j \, h_j $$

    $c$ is what was found, the context. The additive score is a small network with one hidden layer; it
    compares two things of any size, and computes a tanh for each number, each place and each step. The
    multiplicative one is a product of matrices: all places at once, which is what machines are fast at.
    With $W$ left out it is the plain dot product, for states of equal size.

    There is a second difference. Bahdanau asks *before* a step: the state so far asks, and what it finds
    goes into the cell with the last token. Luong asks *after* the step, and feeds what came of it into the
    next step, so that the writer knows where it has looked already. That detail is not a small one: on words
    written from behind, this library's multiplicative variant learned nothing without it (0 % right), and
    81 % with it.
    """)
    return


@app.cell(hide_code=True)
def code_scores():
    mo.vstack(
        [
            book.source(Additive),
            book.source(Multiplicative, fold=True),
            book.source(looked_up),
            book.source(Seq2Seq, start="def _write_one", stop="inner), features)", fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_mask():
    mo.md(r"""
    ## Nobody should look at filling

    Sources of a *batch* have different lengths, and short ones are filled up. The *padding* makes itself
    felt twice here. The reader's backward half must begin at the last real token and not in the filling;
    the recurrent layers do that when they are told the lengths. And no share may go to the filling: what
    stands there is no word.

    The score of a place that is to be hidden becomes minus infinity. Then $e^{-\infty} = 0$, and the shares
    of the others sum to 1. Two ways that look alike are wrong: a score of 0 is not a share of 0, since $e^0
    = 1$; and a share that is set to 0 *after* softmax leaves a row that sums to less than 1.

    ```python
    import torch

    scores, real = torch.tensor([2.0, 1.0, 0.0]), torch.tensor([True, True, False])
    hidden = scores.masked_fill(~real, float("-inf")).softmax(0)
    [round(share, 3) for share in hidden.tolist()]  # -> [0.731, 0.269, 0.0]
    after = scores.softmax(0) * real
    round(after.sum().item(), 3)  # -> 0.91
    ```
    """)
    return


@app.cell(hide_code=True)
def exercise_look():
    book.exercise("attention.look")
    return


@app.cell(hide_code=True)
def text_alignment():
    mo.md(r"""
    ## Where it looked

    Put the shares of all steps below each other: a row for each token that was written, a column for each
    of the source. Each row sums to 1. A column need not: a token may be looked at ten times or never. This
    table is the *alignment*. Where a source and its answer go the same way, as in speech, it runs down the
    diagonal; where the order changes, it jumps.

    Dates change their order. *12 March 1987* and *March 12, 1987* shall both become `1987-03-12`. The figure
    trains a small reader and writer on such pairs while you watch: 32 numbers a state, digits and months as
    tokens, 400 steps. One day in ten of the calendar is kept away from it, and on those it is judged. Go
    back to 100 steps and see the map come into being. Then take away the attention.
    """)
    return


@app.cell(hide_code=True)
def figure_learns():
    LearnsToAlign()
    return


@app.cell(hide_code=True)
def exercise_map():
    book.exercise("attention.map")
    return


@app.cell(hide_code=True)
def text_proof():
    mo.md(r"""
    Without attention none of the held-out dates comes out right in this time; the loss stands still. With the
    multiplicative score a third does: it gets there later.

    ## A map is not a reason

    The map is beautiful, and it is easy to read too much into it. A share says from which place numbers
    came. It does not say what those numbers hold, and not whether the answer hangs on them (Jain 2019).
    Look at the rows of the two dashes: a dash needs nothing from the source, and softmax must put its shares
    somewhere all the same.

    So test it: leave each token of the source out once, and see how much less likely the answer becomes.
    For *12 March 1987* the 1 of the year has nine tenths of the row that writes it. Without it the answer
    loses 0.5 nats, without the 7 at the end 10.2: years of this data begin with 19 or 20, so the 1 can be
    guessed, and the 7 cannot. The map shows both alike.

    And the same answer can come with another map. The next figure sets two starts of the same model beside
    each other: they agree where a token must be looked up, and differ where it need not be.
    """)
    return


@app.cell(hide_code=True)
def figure_maps():
    SameAnswersOtherMaps()
    return


@app.cell(hide_code=True)
def code_falls():
    book.source(falls_without)
    return


@app.cell(hide_code=True)
def text_forcing():
    mo.md(r"""
    `glassworks explain RUN "a text"` draws the map of an answer, does this test for every token, and prints
    how well both agree.

    ## Learning with the right beginning

    How does the writer learn? It is given the *right* beginning at each place and says the next token,
    whatever it would have said itself. This is *teacher forcing* (Williams 1989), as for
    [a machine that writes](/book/sequence/a_machine_that_writes/). The answer stands between a start and an
    end token; the input lacks its last token, the targets lack the first. Forget this shift by one, and the
    loss falls to nearly 0 while the model learns to repeat what it is given.

    Alone, it reads its own words. It never learned what to do after a mistake of its own: *exposure bias*
    (Ranzato 2015). How much that harms is disputed; measure it.
    """)
    return


@app.cell(hide_code=True)
def exercise_slip():
    book.exercise("attention.slip")
    return


@app.cell(hide_code=True)
def figure_slip():
    OneSlip()
    return


@app.cell(hide_code=True)
def text_search():
    mo.md(r"""
    ## Choosing the words

    At each step the writer has a chance for every token. *Greedy search* takes the likeliest one; that needs
    no softmax, since the largest score is the largest share. It never looks back. A first word that is a
    little less likely may lead to a much likelier sentence.

    Not all sentences can be tried. *Beam search* keeps the best few beginnings: each is continued in every
    way, and the best few of all of them go on. With one beam it is greedy search.

    The probability of a sentence is a product of numbers below 1, its logarithm a sum of negative ones. So
    every further token makes a sentence less likely, and short ones win. The sum is therefore divided by a
    power of the length, here as in Google's system of 2016 (Wu 2016): $((5 + n) / 6)^{\alpha}$.
    """)
    return


@app.cell(hide_code=True)
def figure_beams():
    BeamsByHand()
    return


@app.cell(hide_code=True)
def exercise_penalty():
    book.exercise("attention.penalty")
    return


@app.cell(hide_code=True)
def text_scores():
    mo.md(r"""
    More beams find likelier sentences. They are not better ones for that. When the likeliest answer of a
    translator was searched for exactly, it was for more than half of the sentences the empty one (Stahlberg
    2019). That greedy search and small beams work is partly luck: their mistakes hide those of the model.

    ## Is it any good?

    There are many good translations of a sentence, and a computer knows one of them. *BLEU* (Papineni 2002)
    counts which share of the runs of 1, 2, 3 and 4 words of the answers stands in the known ones, takes the
    geometric mean of the four, and multiplies by a penalty where the answers are shorter. A run counts at
    most as often as it stands in the known answer: that is *clipping*. *chrF* (Popović 2015) compares runs
    of 1 to 6 characters, and asks also how much of the known answer was said, which counts more. It needs no
    words, and half a right ending is worth something. Both sum the counts of all answers first: they are
    figures of a test set, and hardly mean a thing for a single sentence.
    """)
    return


@app.cell(hide_code=True)
def figure_overlap():
    OverlapCounted()
    return


@app.cell(hide_code=True)
def exercise_clipped():
    book.exercise("attention.clipped")
    return


@app.cell(hide_code=True)
def code_bleu():
    mo.vstack([book.source(overlaps), book.source(bleu_of)])
    return


@app.cell(hide_code=True)
def text_django():
    mo.md(r"""
    ## A translator that loses

    Now a real task, told as it came out. The sample `django-de` holds 775 messages of a web framework in
    English and German; 543 are learned from. On the 116 of the validation part:

    | who answers | chrF | the very answer |
    |:---|---:|---:|
    | the German of the nearest English message | .409 | 0.9 % |
    | the English text as it is | .288 | 5.2 % |
    | Transformer, trained on these pairs | .228 | 1.7 % |
    | reader and writer with attention | .024 | 0 % |

    Both networks lose to a lookup that learns nothing, and to a copy. Why? 543 pairs are a few thousand
    words: a writer has to learn German from them, from nothing. Half of the messages have one or two words,
    the name of a language or a month, which nothing but that very pair could teach. And messages come in
    families: whoever takes the answer of a near one gets the frame for free, `%(value)s` and all.

    Look also at what wins. For *View selected* the nearest message says *delete selected*, for *a minute
    from now* it says *a minute ago*: chrF .76 and .79, and wrong. Of 116 answers one is right, and the copy,
    which chrF puts second, has six. A figure of overlap orders systems that are alike. It does not say that
    an answer is right, and figures of different tests cannot be compared.

    Give the same code a task whose rule is in its data, and it wins: dates into ISO form, letter by letter
    from 3,000 made rows, came out right in 99.3 % of the cases.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/attention",
        {"system": "seq2seq", "data": "sample:django-de", "size": "tiny"},
        settings=(
            Choose(
                "model.attention", "attention",
                {"additive": "additive", "multiplicative": "multiplicative", "none": "none"},
            ),
            Slider("epochs", "epochs", 1, 20, step=1, value=5),
        ),
    )  # fmt: skip
    return


@app.cell(hide_code=True)
def text_own():
    mo.md(r"""
    That was the losing one, with its baselines beside it: see how far it comes. Where the data are missing,
    `glassworks samples fetch django-de` brings them. Your own pairs go below: a table with a text and its
    answer in each row. Short texts with a rule in them, such as dates, units, names in another spelling, are
    learned from some hundred pairs; languages are not. In a terminal the same is `glassworks train seq2seq
    --data PAIRS.csv`.
    """)
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/attention", {"system": "seq2seq", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_general():
    mo.md(r"""
    ## Queries, keys and values

    One step more. Up to here the states of the reader did two things at once: they were compared with, and
    they were what is averaged. Let each have a matrix of its own:

    - the *query* $q = W_q \, s$: what the writer asks,
    - the key $k_j = W_k \, h_j$: what place $j$ is compared by,
    - the value $v_j = W_v \, h_j$: what place $j$ gives.

    $$ c = \sum_j a_j \, v_j \qquad a_j = \text{softmax}_j \left( q^\top k_j / \sqrt{d} \right) $$

    Luong's score is this with the values left as they are and the root left out. Where the queries come from
    one text and keys and values from another, it is called *cross-attention*. Where all three come from the
    same text, each token asks the others: that is self-attention.
    [Inside attention](/book/image/inside_attention/) takes it apart on patches of pictures, with the root
    and the heads.
    """)
    return


@app.cell(hide_code=True)
def code_cross():
    book.source(CrossAttention, start="def keys_and_values", stop="return self.projection")
    return


@app.cell(hide_code=True)
def exercise_once():
    book.exercise("attention.once")
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A state of fixed size is a bottleneck; a look back is the way around it. Attention is a dictionary made
    soft: score, softmax, average, and minus infinity for what nobody may see. The map says where numbers
    came from. A writer learns with the right beginning and then has to live with its own; beams find
    likelier answers, and a penalty keeps them from being short. Overlap is counted, not understood: put a
    baseline beside it.

    In the translator of this chapter the way from token to token still goes through a recurrent state, one
    step after the other. But what it knows of the source it now gets by looking. Is the recurrent part
    needed at all? The paper that said no (Vaswani 2017) is the next chapter.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/attention")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/attention")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/attention")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/attention")
    return


if __name__ == "__main__":
    app.run()
