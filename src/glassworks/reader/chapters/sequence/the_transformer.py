# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="The Transformer")

with app.setup:
    import marimo as mo

    from glassworks.blocks.attention import CrossAttention, SelfAttention
    from glassworks.blocks.encoder_block import MLP
    from glassworks.models.sequence.sentiment import AttentiveReader
    from glassworks.models.sequence.transformer import (
        DecoderBlock,
        Places,
        Transformer,
        hidden_after,
        waves,
    )
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.all_at_once import AllAtOnce
    from glassworks.reader.figures.cost_of_length import CostOfLength
    from glassworks.reader.figures.paper_schedule import PaperSchedule
    from glassworks.reader.figures.shifted_by_one import ShiftedByOne
    from glassworks.reader.figures.stream_by_block import StreamByBlock
    from glassworks.reader.figures.three_masks import ThreeMasks
    from glassworks.reader.figures.waves_of_places import WavesOfPlaces
    from glassworks.tasks.translation import token_loss


@app.cell(hide_code=True)
def header():
    book.header("sequence/the_transformer")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## From one after the other to all at once

    A *recurrent network* translates in two stages: one reads, one writes, and
    [attention](/book/sequence/attention/) lets the writer look back (Bahdanau 2014). Its weakness is time.
    State 7 needs state 6, and that needs state 5; a machine that could compute a thousand things at once has
    to wait for each.

    The *Transformer* (Vaswani 2017) leaves the recurrence out and keeps the attention. It is still an
    *encoder-decoder*: the encoder reads the source, the decoder writes the answer. But inside a layer no
    *token* waits for another: each looks at all that it may see, in one product of matrices. And from any
    token to any other it is one step, where a recurrent network has to carry what it knows over all between.

    "All at once" has limits, and they are often left out. While the network *learns*, the true answer is
    there, so all its places are computed together. While it *writes*, the next token is not known before
    the last one has been chosen. There it waits like any other network. And each token that looks at each
    other makes $n^2$ looks for $n$ tokens, which has its price.

    Press through the four cases of the figure.
    """)
    return


@app.cell(hide_code=True)
def figure_all_at_once():
    AllAtOnce()
    return


@app.cell(hide_code=True)
def exercise_parallel():
    book.exercise("the_transformer.parallel")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## Where a token stands

    Attention takes averages, and an average knows no order: *the dog bites the man* would be *the man bites
    the dog*. So each token is told its place. The paper adds a row of numbers to its vector, made of waves.
    Numbers $2i$ and $2i + 1$ of the row for place $p$ are

    $$ \sin\!\big(p \cdot 10000^{-2i/d}\big), \quad \cos\!\big(p \cdot 10000^{-2i/d}\big) $$

    where $d$ is the numbers a token. The first pair turns by 1 radian a place, the last nearly 10,000 times
    more slowly. With four numbers a token, place 1 is (0.8415, 0.5403, 0.0100, 0.9999) and place 0 is
    (0, 1, 0, 1). It is like a clock: a fast hand tells neighbours apart, a slow one tells where in the day.

    Why sine *and* cosine? With both, a step of $k$ places turns each pair by an angle that depends on $k$
    alone. So the product of two rows depends on their distance and not on where they stand:

    $$ \sum_i \cos\!\big(k \cdot 10000^{-2i/d}\big) $$

    With 512 numbers that is 256 for $k = 0$ and 211.749 for $k = 3$, at the beginning of a text and at its
    end. The paper also tried positions that are learned, with nearly the same results. Waves were kept in
    the hope of longer texts than those of the training; [Bigger pictures](/book/image/bigger_pictures/)
    shows what becomes of such hopes.

    One factor is easily overlooked. The vectors of the words are multiplied by $\sqrt{d}$ before the waves
    are added. In this library they begin with a spread of $1/\sqrt{d}$, for a reason that comes below, and
    the waves have a size of 0.707. Without the factor, 22.6 for 512 numbers, a word would be drowned by
    its place.
    """)
    return


@app.cell(hide_code=True)
def figure_waves():
    WavesOfPlaces()
    return


@app.cell(hide_code=True)
def exercise_waves():
    book.exercise("the_transformer.waves")
    return


@app.cell(hide_code=True)
def code_waves():
    mo.vstack([book.source(waves), book.source(Places)])
    return


@app.cell(hide_code=True)
def text_masks():
    mo.md(r"""
    ## One formula, three attentions

    Queries, keys and values are those of [Attention](/book/sequence/attention/); the division by $\sqrt{d}$
    and the heads are the subject of [Inside attention](/book/image/inside_attention/). Nothing changes here
    but who asks whom:

    | | who asks | who is asked | what is hidden |
    |:---|:---|:---|:---|
    | encoder | source | source | filling |
    | decoder | answer | answer | what comes later |
    | *cross-attention* | answer | source | filling |

    In cross-attention the queries come from the answer, keys and values from what the encoder made of the
    source. It is the only way from one to the other. The base model has 8 *attention heads* of 64 numbers in
    each of the three, and 6 blocks a side.

    What must not be seen is hidden by an *attention mask*: something very negative is added to its
    comparison, and softmax makes 0 of it. The *causal mask* of the decoder hides all later places. Without it
    the answer could be read off instead of found. The mask for *padding* is made from the lengths of the
    texts.

    How negative? Minus infinity is exact, and has one trap: a row in which *everything* is hidden. Softmax
    divides 0 by 0 there, and one such row makes the loss of the whole batch no number at all. It comes about
    by an empty text, or by filling at the beginning. torch itself has two answers to it:

    ```python
    import torch
    import torch.nn.functional as F

    torch.full((3,), float("-inf")).softmax(0).tolist()  # -> [nan, nan, nan]
    one = torch.ones(1, 3, 2)
    nobody = torch.zeros(1, 3, 3, dtype=torch.bool)
    answer = F.scaled_dot_product_attention(one, one, one, attn_mask=nobody)
    answer[0, 0].tolist()  # -> [0.0, 0.0]
    ```

    This library adds -10,000, whose exponential is 0 as well. An empty row then gets an average that means
    nothing, which is a number, and which nobody looks at.
    """)
    return


@app.cell(hide_code=True)
def figure_masks():
    ThreeMasks()
    return


@app.cell(hide_code=True)
def exercise_mask():
    book.exercise("the_transformer.mask")
    return


@app.cell(hide_code=True)
def code_masks():
    mo.vstack(
        [
            book.source(hidden_after),
            book.source(CrossAttention, start="def ask", fold=False),
            book.source(SelfAttention, start="def continued", fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_shift():
    mo.md(r"""
    ## What the decoder is given

    The answer to learn is *der Hund schläft*. The decoder gets it moved by one place, behind a start token,
    and has to say it with an end token:

    | place | 0 | 1 | 2 | 3 |
    |:---|:---|:---|:---|:---|
    | it gets | start | der | Hund | schläft |
    | it says | der | Hund | schläft | end |

    So at every place it knows the true beginning and is asked for the next token: four questions from one
    answer, all in one pass. To be given the truth instead of what one said oneself is called *teacher
    forcing*.

    Two small things make this right, the move and the causal mask. Forget one of them and no error is raised.
    Predict what happens.
    """)
    return


@app.cell(hide_code=True)
def exercise_shift():
    book.exercise("the_transformer.shift")
    return


@app.cell(hide_code=True)
def figure_shift():
    ShiftedByOne()
    return


@app.cell(hide_code=True)
def text_loss():
    mo.md(r"""
    The loss is *cross-entropy* at each place, the mean over all tokens that are no filling. The paper softens
    it by *label smoothing* (Szegedy 2015) of 0.1: the target is not 1 for the right token and 0 for the
    others, but 0.9 for the right one, and 0.1 spread evenly over the whole vocabulary. A model can then not
    reach 0: with 37,000 tokens the least possible loss is 1.377. It learns to be less sure. The paper says
    what came of that: perplexity gets worse, the translations get better. So losses with and without
    smoothing cannot be compared.
    """)
    return


@app.cell(hide_code=True)
def code_loss():
    book.source(token_loss)
    return


@app.cell(hide_code=True)
def text_blocks():
    mo.md(r"""
    ## The blocks, counted

    An encoder block has two branches: attention, then a *feed-forward network* that works on each token
    alone, 512 numbers to 2,048, *ReLU*, and back to 512. A decoder block has three: it looks at itself, then
    at the source, then the feed-forward network. Each branch is a correction that is added to what was there,
    a *residual connection* (He 2015), and each has a layer norm (Ba 2016). Of the base model:

    | | parameters |
    |:---|---:|
    | an attention, four matrices of 512 · 512 with biases | 1,050,624 |
    | a feed-forward network | 2,099,712 |
    | a norm | 1,024 |
    | encoder block: one attention, one network, two norms | 3,152,384 |
    | decoder block: two attentions, one network, three norms | 4,204,032 |
    | vectors of 37,000 tokens | 18,944,000 |
    | **6 blocks a side and the vectors** | **63,082,496** |

    The paper's table says 65 million, with a vocabulary of "about 37,000". One table of vectors serves three
    times: for the tokens of the source, for those of the answer, and, turned round, as the last layer, where
    the score of a token is the product of its vector with what the decoder found: *tied embeddings* (Press
    2016). Apart they would be 100,970,496. Hence the spread of $1/\sqrt{d}$: the last layer needs short
    vectors, or its first scores would be wild; the first one needs long ones, and multiplies by $\sqrt{d}$.
    """)
    return


@app.cell(hide_code=True)
def code_blocks():
    mo.vstack([book.source(DecoderBlock), book.source(MLP, fold=True)])
    return


@app.cell(hide_code=True)
def exercise_count():
    book.exercise("the_transformer.count")
    return


@app.cell(hide_code=True)
def text_norms():
    mo.md(r"""
    ## Where the norm stands

    The blocks hand on one vector a token, and every branch adds to it. It is called the *residual stream*.
    The paper norms *after* each sum, $x \leftarrow \text{norm}(x + \text{branch}(x))$: post-norm. Most models
    since norm inside the branch, $x \leftarrow x + \text{branch}(\text{norm}(x))$: *pre-norm*, with one more
    norm behind the last block. `_through` above does either. Before anything is learned, the two streams
    already look different. Predict how.
    """)
    return


@app.cell(hide_code=True)
def exercise_norms():
    book.exercise("the_transformer.norms")
    return


@app.cell(hide_code=True)
def figure_stream():
    StreamByBlock()
    return


@app.cell(hide_code=True)
def lab_norm():
    book.lab("norm-in-a-transformer")
    return


@app.cell(hide_code=True)
def text_schedule():
    mo.md(r"""
    With 2 blocks a side nothing of it matters: 99 % or more in all four cases. With 6, the depth of the base
    model, post-norm names 55 % of the symbols at the full rate at once and 87 % after a warm-up; pre-norm 99
    % either way. With 12, post-norm without a warm-up stays at 8 %, a guess, and reaches 28 % with it;
    pre-norm 97 % in both. So the usual claim (Xiong 2020) holds here: post-norm needs the warm-up, pre-norm
    does not.

    What is often added, that a warm-up puts post-norm right, does not hold here. In 300 steps at this rate it
    helps, and leaves a deep stack far behind. That says nothing against the model of 2017: it had 6 blocks,
    and 100,000 steps to learn in. And one rate was used for all; a lower one may be kinder to post-norm.
    [Inside attention](/book/image/inside_attention/) asks the same of a stack that reads pictures, and looks
    at its gradients.

    ## The warm-up of 2017

    The paper's *schedule* has two expressions, and takes the smaller one. $s$ is the step, counted from 1,
    and $w$ the steps of *warm-up*, 4,000 of 100,000:

    $$ \text{rate} = d^{-0.5} \cdot \min\!\big(s^{-0.5},\; s \cdot w^{-1.5}\big) $$

    The second rises in a straight line, the first falls with the root of the steps. They meet at $s = w$,
    where the rate is largest: $(d \, w)^{-0.5}$, for the base model 0.000699. At step 16,000 it is half of
    that. The optimiser is Adam (Kingma 2014), with a memory of squares of 0.98. Our recipe `paper` keeps peak
    and warm-up, and falls along a cosine.
    """)
    return


@app.cell(hide_code=True)
def figure_schedule():
    PaperSchedule()
    return


@app.cell(hide_code=True)
def exercise_rate():
    book.exercise("the_transformer.rate")
    return


@app.cell(hide_code=True)
def text_cost():
    mo.md(r"""
    ## What it costs

    Count *multiply-adds* of an encoder block for $n$ tokens of $d$ numbers. Its matrices cost $4 n d^2$ in
    the attention and $8 n d^2$ in the feed-forward network, $12 \, n d^2$ in all. Comparing each token with
    each and averaging the values cost $n^2 d$ each. A recurrent layer has no $n^2$, only $n d^2$.

    "Attention is quadratic" is true, and for short texts beside the point. A sentence of 25 tokens,
    translated into 25, costs the base model 475,699,200 in the encoder, 636,825,600 in the decoder and
    473,600,000 in the last layer. Of the encoder's, 0.8 % are in the maps. Maps and matrices are equal at $n
    = 6 d$.
    """)
    return


@app.cell(hide_code=True)
def figure_cost():
    CostOfLength()
    return


@app.cell(hide_code=True)
def exercise_cost():
    book.exercise("the_transformer.cost")
    return


@app.cell(hide_code=True)
def text_cache():
    mo.md(r"""
    ## Writing, with a memory of what was said

    To write, the decoder gets the start token, one token is chosen of its scores, goes in behind it, and so
    on until the end token comes. Always the likeliest is *greedy search*; the paper keeps four beginnings
    side by side (*beam search*) and divides by a power of the length, so that short answers do not win.

    Done plainly, each step computes everything before it once more. That is not needed: behind a causal mask
    a token's keys and values never change. So they are kept, and a step computes one token; keys and values
    of the source are computed once. This *key-value cache* is a matter of work, not of answers. Written a
    token at a time, the scores are those of the whole pass:

    ```python
    import torch
    from glassworks.models.sequence.transformer import TransformerConfig, build

    shape = {"vocabulary": 50, "context": 16, "width": 32, "depth": 2}
    model = build(TransformerConfig(**shape, block={"heads": 4})).eval()
    source, said = torch.arange(1, 10)[None], torch.arange(2, 8)[None]
    with torch.no_grad():
        whole = model(source, None, said)
        state, steps = model.begin(source), []
        for token in said[0]:
            scores, state = model.step(token[None], state)
            steps.append(scores)
    torch.allclose(torch.stack(steps, 1), whole, atol=1e-5)  # -> True
    ```

    ## One half is enough

    The two halves went different ways. The encoder alone reads: with the mean of its tokens and a small head
    it is a classifier, as below, [the twin of a recurrent one](/book/sequence/good_or_bad/). BERT is an
    encoder. The decoder alone, without cross-attention, continues texts: GPT and what came of it. The systems
    that chat are such decoders, with pieces of words as tokens, tokens drawn by chance instead of the
    likeliest, a cache, and a good deal of training on how to answer. A word-by-word loop around an LSTM has
    the same outer form, and is not "exactly how they work".
    """)
    return


@app.cell(hide_code=True)
def code_step():
    mo.vstack(
        [
            book.source(Transformer, start="def begin", fold=False),
            book.source(AttentiveReader, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_train():
    mo.md(r"""
    ## Train it

    The whole system learns to translate messages of a web framework into German, from 543 pairs. Where the
    data are missing, `glassworks samples fetch django-de` brings them. Watch two figures: the loss of the
    training pairs falls towards 0, while chrF on others (1 is perfect) stays near 0.2. It learns its few
    pairs by heart. The paper had 4.5 million.

    What can be learned from some hundreds of pairs is a *rule*: letters in reverse, dates in another
    notation, plurals. Below you can give it a table of your own, with a text and its answer in each row. For
    the classifier, with a label in each row: `glassworks train sentiment --variant transformer --data FILE`.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/the_transformer",
        {"system": "transformer", "data": "sample:django-de", "size": "tiny"},
        settings=(
            Choose("model.block.norm", "norm", {"pre (recipe)": "pre", "post": "post"}),
            Choose("model.depth", "blocks a side", {"2 (recipe)": 2, "1": 1, "4": 4}),
            Choose("training.warmup", "warm-up", {"a tenth (recipe)": 0.1, "none": 0.0}),
            Slider("epochs", "epochs", 2, 40, step=2, value=12),
        ),
    )
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/the_transformer", {"system": "transformer", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A Transformer reads all tokens at once and writes them one after the other. Waves say where a token
    stands. Three attentions differ in who asks whom and what is hidden. The decoder gets the answer moved by
    one place, behind a causal mask; a loss that is too good is a reason to look there. Most parameters stand
    in matrices that do not know how long the text is; the maps do, with its square. Where the norm stands
    decides how carefully the training has to begin.

    The next chapter takes the encoder alone, hides words from it, and has it guess them.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/the_transformer")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/the_transformer")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/the_transformer")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/the_transformer")
    return


if __name__ == "__main__":
    app.run()
