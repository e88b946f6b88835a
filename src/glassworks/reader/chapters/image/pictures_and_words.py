# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Pictures and words")

with app.setup:
    import marimo as mo

    from glassworks.data.tokens import learn
    from glassworks.models.vision.clip import CLIP, ZeroShot, contrastive_loss
    from glassworks.reader import book
    from glassworks.reader.figure import Choose, Slider
    from glassworks.reader.figures.cosines_to_shares import CosinesToShares
    from glassworks.reader.figures.joins_step_by_step import JoinsStepByStep
    from glassworks.reader.figures.one_space import OneSpace
    from glassworks.reader.figures.pairs_learn import PairsLearn
    from glassworks.reader.figures.search_digits import SearchDigits
    from glassworks.reader.figures.table_of_pairs import TableOfPairs
    from glassworks.reader.figures.written_labels import WrittenLabels
    from glassworks.tasks.image_text import fits_in_batch


@app.cell(hide_code=True)
def header():
    book.header("image/pictures_and_words")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## Two encoders, one space

    Every classifier so far had a fixed list of classes, and somebody had to sort pictures into them. But most
    pictures in the world come with something else: words that a person wrote beside them. Can a model learn
    from those?

    CLIP does (Radford 2021). It has two *encoders* that never see each other's input:

    - A picture encoder, for example a *Vision Transformer*, turns a picture into a vector.
    - A text encoder, a small *Transformer*, turns a caption into a vector.

    The two vectors need not have the same width. In the size B/32 the *class token* of the picture encoder
    holds 768 numbers, and the text encoder holds 512. So each encoder ends in a *projection*, a linear map
    of its own, that brings both to 512 numbers. There the two can be compared, and this is the *shared
    space*. Each vector is divided by its length, so that only its direction is left.

    The aim of training is a sentence: a picture points where its caption points, and not where the others
    point. In the figure you turn the arrow of a picture. Two numbers stand in for 512.
    """)
    return


@app.cell(hide_code=True)
def figure_one_space():
    OneSpace()
    return


@app.cell(hide_code=True)
def text_two_encoders():
    mo.md(r"""
    ## What two separate encoders mean

    One often reads that CLIP *fuses* pictures and words by cross-attention, so that words look at patches.
    It does not. There are models that do, but in CLIP the two sides meet in one product at the very end.
    All that the text side ever learns of a picture is its vector.

    This has a price: nothing can go back to the picture and look for the word. And it has a great advantage.
    The vector of a picture does not depend on the question, so it can be computed once and kept.
    """)
    return


@app.cell(hide_code=True)
def exercise_two_encoders():
    book.exercise("pictures_and_words.two_encoders")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## From a cosine to a share

    For two vectors of length 1, the product is the *cosine* of the angle between them. It is 1 for the same
    direction, 0 at a right angle, and $-1$ for opposite directions. With a picture $p$ and texts
    $t_1, t_2, \dots$:

    $$\cos(p, t_k) = \frac{p \cdot t_k}{\|p\| \, \|t_k\|} \qquad
    \text{share}_k = \frac{e^{\,s \cdot \cos(p,\, t_k)}}{\sum_j e^{\,s \cdot \cos(p,\, t_j)}}$$

    The second formula is *softmax*, with one new thing, the scale $s$. Cosines of real pictures and texts lie
    close together, for example 0.25, 0.20 and 0.15. Softmax of such numbers is nearly even:

    ```python
    import torch

    cosines = torch.tensor([0.25, 0.20, 0.15])
    round(cosines.softmax(0)[0].item(), 6)  # -> 0.350132
    round((100 * cosines).softmax(0)[0].item(), 6)  # -> 0.993262
    ```

    All three: scale 100 gives 0.993262, 0.006693 and 0.000045; scale 1 gives 0.350132, 0.333056 and
    0.316812. The scale is one divided by the *temperature*: scale 100 is a temperature of 0.01.

    Two things do not change with the scale. The order stays. And adding the same number to all cosines
    changes no share at all, because softmax sees differences alone.
    """)
    return


@app.cell(hide_code=True)
def figure_cosines_to_shares():
    CosinesToShares()
    return


@app.cell(hide_code=True)
def exercise_shares():
    book.exercise("pictures_and_words.shares")
    return


@app.cell(hide_code=True)
def text_loss():
    mo.md(r"""
    ## The loss: a table with a right answer in each row

    Take a *batch* of $N$ pairs. Compare all pictures with all texts: a table of $N \times N$ scaled cosines.
    On its diagonal stand the pairs; the other $N^2 - N$ entries belong to nobody.

    - Read a **row**: a picture asks which of the $N$ captions is its own. That is a classification with $N$
      classes, and its loss is the *cross-entropy* that you know.
    - Read a **column**: a caption asks which of the $N$ pictures is its own.

    The mean of both is the *contrastive loss* of CLIP. In one direction it was known before (Oord 2018).
    Nobody labels wrong answers: the rest of the batch serves as such. Therefore larger batches are harder and
    teach more. The paper had 32,768 pairs in a batch.

    Its level when nothing is learned is easy to know. If all scores are alike, each of the $N$ gets the share
    $1/N$, and the loss is $\ln N$: 0.693147 for 2 pairs, 1.386294 for 4, 2.079442 for 8. A perfect match at
    scale 100, cosines of 1 on the diagonal and 0 elsewhere, costs nothing worth writing down.

    ### Equal vectors are not asked for

    It is said that the loss forces a picture and its caption to the *same* vector. It does not. It asks
    that a pair is nearer than the rest. With cosines of 0.30 for pairs and 0.10 for all others at scale
    100, the loss is below 0.0001, and nothing pulls any further. Try it in the figure, and then move both
    sliders up by the same amount.

    ### The same caption twice

    A batch may hold two pictures with the caption "a flower". To call one of them wrong for the other is a
    mistake in the data, not in the model. The workbench knows which texts and which pictures of a batch are
    equal and lets them share the answer. The loss then cannot reach 0: for $k$ equal captions, it stops at
    $\ln k$ in these rows.
    """)
    return


@app.cell(hide_code=True)
def figure_table_of_pairs():
    TableOfPairs()
    return


@app.cell(hide_code=True)
def exercise_loss():
    book.exercise("pictures_and_words.loss")
    return


@app.cell(hide_code=True)
def code_loss():
    mo.vstack([book.source(contrastive_loss), book.source(fits_in_batch)])
    return


@app.cell(hide_code=True)
def exercise_guessing():
    book.exercise("pictures_and_words.guessing")
    return


@app.cell(hide_code=True)
def text_scale():
    mo.md(r"""
    ## The scale is learned, and held

    Which scale is right? Too small, and even a perfect model has a high loss, because cosines end at 1. Too
    large, and the loss of a batch hangs on its few hardest entries. CLIP does not choose: the scale is one
    more *parameter*, learned with all others.

    What is learned is its logarithm. It starts at $\ln(1/0.07) = 2.659260$, a scale of 14.3, and is held at
    or below $\ln 100 = 4.605170$. Without that cap, the authors saw training become unstable. And without any
    scale the loss stays high however good the model is, as the next exercise shows.
    """)
    return


@app.cell(hide_code=True)
def exercise_scale():
    book.exercise("pictures_and_words.scale")
    return


@app.cell(hide_code=True)
def text_lab():
    mo.md(r"""
    ## Does learning the scale help?

    The claim of our lab is that a learned scale does as well as the best fixed one. A small CLIP learned the
    captions of digits in five ways, each with eight seeds and 200 steps. The claim **holds**, with a margin
    of two points that was set beforehand: 91.9 % of the test pictures find their caption with the learned
    scale, and 92.3 % with a scale fixed at 14.3. Fixed at 1 it is 78.7 %. Fixed at 100 it is 21.1 %: some
    runs never leave the guess. The lab does not show why. One learning rate served all five ways, and another
    might suit that scale better.

    Read the last row as well. Begun at 1, the learned scale reaches 1.7 in this time, and 82.9 %. So learning
    did not find the scale by itself. It kept a good start, and the start was chosen by people.
    """)
    return


@app.cell(hide_code=True)
def lab_temperature_of_pairs():
    book.lab("temperature-of-pairs")
    return


@app.cell(hide_code=True)
def text_tokens():
    mo.md(r"""
    ## Text into numbers: byte pairs

    The text encoder reads *tokens*, as the picture encoder reads patches. Which pieces of text should be
    tokens? Whole words are too many, and the next caption holds a new one. Single letters are few, but a
    sentence of them is long and each says little.

    *Byte-pair encoding* lies between (Sennrich 2015). Every text is bytes, and all 256 bytes are tokens to
    begin with. Then count, over all captions, which two neighbours stand together most often, and make one
    new token of them. Repeat. After some hundred *joins* the frequent words are single tokens, and rare words
    are a few pieces. No text is unknown, in any language.

    To encode a new text, cut it into words, spell each as bytes, and apply the joins in the order in which
    they were learned. A start and an end are put around it. The text encoder attends to earlier tokens only,
    so the end is the one place that has seen everything: there the vector of the text is read.

    The figure has learned its joins from thirty short captions, mostly about animals and flowers.
    """)
    return


@app.cell(hide_code=True)
def figure_joins():
    JoinsStepByStep()
    return


@app.cell(hide_code=True)
def exercise_joins():
    book.exercise("pictures_and_words.joins")
    return


@app.cell(hide_code=True)
def code_learn():
    mo.vstack([book.source(learn), book.source(CLIP)])
    return


@app.cell(hide_code=True)
def text_learning():
    mo.md(r"""
    ## Watch one learn

    Now all parts together: the CLIP of the workbench, made very small, learns the digits from captions such
    as "a handwritten three". It was never told that there are ten classes. When this page is open it trains
    for 160 steps in the background.

    At step 0 its weights are random, and so are its answers. Whatever a CLIP with random weights or random
    features predicts says nothing. Then the diagonal appears.

    Look at the cosine of a picture with its own caption at the end. It is not 1, and it need not be. In
    large models the pictures as a whole even keep away from the texts as a whole. This is called the
    *modality gap* (Liang 2022). In our small one the two middles come near each other, as the third row of
    the table shows. In any case a cosine can be low although it is the best of all. Compare cosines with
    each other, not with 1.
    """)
    return


@app.cell(hide_code=True)
def figure_pairs_learn():
    PairsLearn()
    return


@app.cell(hide_code=True)
def text_zero_shot():
    mo.md(r"""
    ## Any list of texts is a classifier

    Write the classes down: "a cat", "a dog", "a car". Encode the three texts once. For a new picture take the
    cosines, the scale and softmax. Nothing was trained for these classes, and so this is called *zero-shot*
    classification. The vectors of the texts play the part of the last layer's weights.

    In the figure you can ask the small model.

    - **The wording counts.** The model learned from captions, so a label should look like one. Try "a photo
      of a …" here: nobody ever said that of these digits. With CLIP itself it was the other way round.
      Its captions came from the web, and "a photo of a …" before the bare name brought 1.3 points on
      ImageNet.
    - **A word that was never read does not work.** Leave the threes out of training, and ask for them. The
      word falls into pieces, the encoder returns a vector, and hardly a three is found. With the sevens one
      of the wordings is lucky; a word that was read needs no luck.
    - **There is always an answer.** Ask whether a digit is a cat, a dog or a car.
    """)
    return


@app.cell(hide_code=True)
def figure_written_labels():
    WrittenLabels()
    return


@app.cell(hide_code=True)
def exercise_labels():
    book.exercise("pictures_and_words.labels")
    return


@app.cell(hide_code=True)
def code_zero_shot():
    book.source(ZeroShot)
    return


@app.cell(hide_code=True)
def text_measured():
    mo.md(r"""
    ## What 473 captions are enough for

    The captions of the digits were made from labels. A more honest sample has 677 pictures of animals,
    plants, things and signs, each with the sentence of its author: "A sea lion.", "Quarter rest." Of these,
    473 are for training and 102 for the test. The question of the test: is a picture's own text among the
    first ten of about a hundred? This is *recall* at 10. Beside it stand chance and a *baseline* that
    learned nothing: take the training picture that looks most alike, and rank the texts by the words they
    share with its caption.

    | picture encoder | recall at 10 (95 % interval) | chance | nearest picture |
    |---|---|---|---|
    | small ViT, from nothing, seed 0 | 33.3 % (24.9 to 42.9) | 10.0 % | 23.5 % |
    | EfficientNet-Lite0, frozen, seed 0 | 51.0 % (41.4 to 60.5) | 10.0 % | 22.5 % |
    | EfficientNet-Lite0, frozen, seed 1 | 60.8 % (51.1 to 69.7) | 10.2 % | 26.5 % |

    Rows of one seed are judged on the same pictures; seed 1 deals them anew. From nothing, the model is above
    chance, but not shown to be better than the nearest picture. With an encoder that learned on ImageNet and
    stays as it is (*freezing*), only the text side and the projections have to be learned. Both runs are
    better than the nearest picture. The paper that proposed this calls it LiT (Zhai 2021).

    And *zero-shot*, with the six words bird, flower, fruit, mammal, vegetable and vehicle as labels?

    | picture encoder | zero-shot accuracy | most frequent class | nearest picture |
    |---|---|---|---|
    | small ViT, from nothing, seed 0 | 40.0 % of 40 | 25.0 % | 42.5 % |
    | EfficientNet-Lite0, frozen, seed 0 | 27.5 % of 40 | 25.0 % | 42.5 % |
    | EfficientNet-Lite0, frozen, seed 1 | 41.7 % of 24 | 29.2 % | 54.2 % |

    What was good at search is **not shown to be better** here than always saying the most frequent class, and
    the nearest picture is ahead of it in both runs. With 40 or 24 pictures little is certain. But one reason
    is plain: no training caption holds the word "mammal", nor "vegetable". People write "a sea lion", and
    nothing in 473 captions says that a sea lion is a mammal.

    The commands were `glassworks train clip --data sample:stamps-captions`, with `--size tiny` for the first
    rows and `--from imagenet --tune head --epochs 20` for the others, and then `glassworks evaluate`.

    ### What 400 million pairs change

    CLIP was trained on 400 million pairs from the web. Among so many captions nearly every common word stands
    beside many pictures, in many wordings. Its largest model reached 76.2 % on ImageNet without any of the
    1.28 million training pictures, as much as a ResNet-50 that was trained on them. But *zero-shot* does not
    mean that it saw nothing like it: the web is full of dogs. On handwritten digits, which are rare there, it
    reached 88 %, less than logistic regression on raw pixels. The method is the same as in our small model;
    the data decides what it knows.
    """)
    return


@app.cell(hide_code=True)
def text_search():
    mo.md(r"""
    ## Search a folder

    Turn it round: one text, many pictures. The pictures' vectors are computed once and kept; a question
    is one more vector, and a sort by cosine is the answer. A picture can ask as well, with the same vectors.

    ```sh
    glassworks search RUN FOLDER --text "red flower"
    glassworks search RUN FOLDER --picture flower.jpg
    glassworks predict RUN PICTURES --labels "a bird,a flower"
    ```

    Ask the figure for a cat. It has only digits, and returns ten of them. Then ask for "not a three":
    ten threes come. A text encoder that never read the word "not" has no reason to obey it. Large models,
    too, often treat a sentence much like a bag of its words, so a negation, or who does what to whom, may be
    lost.
    """)
    return


@app.cell(hide_code=True)
def figure_search_digits():
    SearchDigits()
    return


@app.cell(hide_code=True)
def exercise_answer():
    book.exercise("pictures_and_words.answer")
    return


@app.cell(hide_code=True)
def text_people():
    mo.md(r"""
    ## Captions are what people wrote

    A caption says what its author found worth saying. The grass, the count, the background are mostly
    missing, so they are hardly learned. And captions hold judgements. The authors of CLIP report that
    photographs of people were put into degrading classes, unevenly by group, and that one more class in the
    list changed this strongly. Whoever writes the list of labels makes part of the result. Do not use such
    a model to decide about people.
    """)
    return


@app.cell(hide_code=True)
def text_try():
    mo.md(r"""
    ## Try it

    Below, the workbench trains its CLIP on 1,797 digits with captions. Batches of 64 begin near
    $\ln 64 = 4.158883$. There are only ten captions, so about six pictures of a batch share each of
    them, and the loss cannot fall below about 1.9. What counts is the recall.

    For pictures of your own, put a file `metadata.jsonl` beside them, one line for each:

    ```json
    {"file_name": "beach/0001.jpg", "text": "two children build a castle of sand"}
    ```

    ```sh
    glassworks train clip --data FOLDER
    glassworks train clip --data FOLDER --from imagenet --tune head
    ```

    The second command begins with an EfficientNet-Lite0 that stays as it is. With some hundred pairs it is
    the one to use. Write captions that say what you will ask for.
    """)
    return


@app.cell(hide_code=True)
def train():
    book.training(
        "image/pictures_and_words",
        {"system": "clip", "data": "sample:digits-captions", "size": "tiny"},
        settings=(
            Slider("epochs", "epochs", 1, 12, step=1, value=6),
            Choose("model.dimension", "numbers where they meet", {"64 (recipe)": 64, "16": 16, "4": 4}),
        ),
    )
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you can take with you

    CLIP is two encoders and two projections into one space. Vectors are made 1 long, compared by cosine,
    multiplied by a learned scale of at most 100, and a softmax over the batch asks each picture for its
    caption and each caption for its picture. Guessing costs $\ln N$. Pairs become nearer than the rest, not
    equal. Labels that are written as texts make a classifier, and a text makes a search, at the cost of one
    vector. An answer says which text fits best, never that it fits. And the words that work are the words
    that were read.
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("image/pictures_and_words")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("image/pictures_and_words")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("image/pictures_and_words")
    return


@app.cell(hide_code=True)
def references():
    book.references("image/pictures_and_words")
    return


if __name__ == "__main__":
    app.run()
