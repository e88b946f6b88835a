# /// script
# [tool.marimo.display]
# theme = "system"
# ///
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What a model is")

with app.setup:
    import marimo as mo

    from glassworks.blocks.pictures import check_pictures
    from glassworks.data.batches import PictureBatches
    from glassworks.models.vision.cnn import CNN
    from glassworks.reader import book
    from glassworks.reader.figures.batch_pages import BatchPages
    from glassworks.reader.figures.five_names import FiveNames
    from glassworks.reader.figures.forward_times import ForwardTimes
    from glassworks.reader.figures.lite0 import Classifier
    from glassworks.reader.figures.one_pixel import OnePixel
    from glassworks.reader.figures.picture_numbers import PictureNumbers
    from glassworks.reader.figures.shapes_through import ShapesThrough
    from glassworks.reader.figures.three_logits import ThreeLogits


@app.cell(hide_code=True)
def header():
    book.header("foundations/what_a_model_is")
    return


@app.cell(hide_code=True)
def idea():
    mo.md(r"""
    ## A function that was learned

    Which rules would you write so that a program can tell a cup of coffee from a cat, given nothing but
    the light of each pixel? What works today was not written. It was learned: a *model* is a function
    with numbers in it, and these numbers were found from examples.

    You will use such a model before you build one. Then you take it apart: the numbers that go in, their
    *shape* on the way, the numbers that come out, the numbers inside, and the machine that computes.

    The model below is EfficientNet-Lite0, a small network made for phones (Tan 2019). Its numbers were
    learned from 1.28 million photographs of ImageNet, each labelled with one of 1,000 names (Deng 2009).
    It runs on your own machine, now. Choose a photograph, darken it, zoom in, move the window, and watch
    the names.
    """)
    return


@app.cell(hide_code=True)
def figure_five_names():
    FiveNames()
    return


@app.cell(hide_code=True)
def exercise_rest():
    book.exercise("what_a_model_is.rest")
    return


@app.cell(hide_code=True)
def text_reading():
    mo.md(r"""
    ### Reading the percentages

    The percentages are the model's own certainty, shared among the names it knows. Four photographs show
    how to read them, with the sliders at their start.

    - **A cat.** Tiger cat, Egyptian cat and tabby together have 92 %. The model is sure that this is a
      cat and unsure which kind. Doubt between similar names is no fault.
    - **An astronaut, the inside of an eye.** The list of 1,000 names has neither. The model cannot say
      "none of these", so it gives the nearest it knows: a football helmet, a lampshade. What it was never
      taught, it cannot tell you.
    - **Plain grey.** Nothing speaks for any name, and the five largest shares together are below 1 %. An
      equal share for each of 1,000 names would be 0.1 %.

    Does 95 % mean that it is right in 95 of 100 such cases? Not by itself. That must be measured on
    examples whose names are known; networks are often surer than they are right (Guo 2017). Whether
    percentages can be taken at their word is called *calibration*.
    """)
    return


@app.cell(hide_code=True)
def text_pictures():
    mo.md(r"""
    ## Pictures are numbers

    A grey picture is one number for each pixel. A colour picture is three: how much red, green and blue
    light. Picture files mostly hold them as bytes, whole numbers from 0 to 255.
    """)
    return


@app.cell(hide_code=True)
def figure_picture_numbers():
    PictureNumbers()
    return


@app.cell(hide_code=True)
def text_tensor():
    mo.md(r"""
    Such a block of numbers is a *tensor*. Four facts describe it.

    | fact | what it says | of a photograph in a file |
    |:---|:---|:---|
    | values | the numbers | the light of each pixel |
    | *shape* | how long each *axis* is | `(224, 160, 3)`: height, width, channel |
    | *dtype* | what kind of number | `uint8`: whole numbers from 0 to 255 |
    | *device* | where the numbers lie | `cpu`: the main memory |

    PyTorch's models want another order: *channel* before height and width, and in front an axis for the
    pictures of the *batch*, even if there is only one. They also want floats, since they multiply by
    fractions.

    ```python
    import torch

    picture = torch.zeros(224, 160, 3, dtype=torch.uint8)  # height, width, channel
    batch = picture.permute(2, 0, 1)[None].float()  # batch, channel, height, width
    batch.shape  # -> torch.Size([1, 3, 224, 160])
    batch.dtype  # -> torch.float32
    ```

    Nothing in a shape says what an axis stands for. `(3, 3, 3)` may be anything. So name the axes
    whenever you write a shape down.
    """)
    return


@app.cell(hide_code=True)
def exercise_shape():
    book.exercise("what_a_model_is.shape")
    return


@app.cell(hide_code=True)
def text_prepare():
    mo.md(r"""
    ## From bytes to what a model expects

    A model expects pictures as it saw them while it learned. For Lite0 that means: scale the short side
    to 256 pixels, cut the middle 224 × 224 out, divide by 255, take 0.5 away, divide by 0.5. The last two
    steps bring the numbers near 0, where learning works best. For each channel $c$ they are

    $$ x_c = \frac{\text{byte}_c / 255 - \text{mean}_c}{\text{std}_c} $$

    With mean 0.5 and std 0.5, the shares 0, 0.5 and 1 become −1, 0 and 1. Many other models use the mean
    and std of ImageNet's pixels: mean 0.485, 0.456, 0.406 and std 0.229, 0.224, 0.225. Then a red byte of
    0 becomes −2.118 and one of 255 becomes 2.249. This is the code that prepared the photographs above:
    """)
    return


@app.cell(hide_code=True)
def code_prepared():
    book.source(Classifier.prepared)
    return


@app.cell(hide_code=True)
def figure_one_pixel():
    OnePixel()
    return


@app.cell(hide_code=True)
def text_weights():
    mo.md(r"""
    ### Weights and preparation travel together

    Give the model bytes as they are, and the coffee becomes a loudspeaker. Give it ImageNet's mean and
    std, which are right for other models, and it still says espresso, with 78 % instead of 95 %. No error
    is raised. A wrong preparation only makes the answers worse, and nobody notices.

    So whoever publishes weights should publish the preparation with them. In torchvision, PyTorch's
    library of data sets, architectures and transforms for pictures, the names of weights bring it along;
    its older switch `pretrained=True` did not, and is deprecated.

    ```python
    from torchvision.models import ResNet18_Weights

    how = ResNet18_Weights.IMAGENET1K_V1.transforms()
    how.resize_size, how.crop_size  # -> ([256], [224])
    how.mean, how.std  # -> ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    ```

    This workbench keeps size, cut, mean and std beside every set of weights, and in every model that it
    trains.
    """)
    return


@app.cell(hide_code=True)
def exercise_normalise():
    book.exercise("what_a_model_is.normalise")
    return


@app.cell(hide_code=True)
def text_shapes():
    mo.md(r"""
    ## Shapes are the grammar

    A model is a chain of operations, and each has a rule about shapes. Three rules take you a long way.

    - *Broadcasting*: where one tensor has length 1 along an axis, or lacks the axis, it is repeated to
      fit. Shapes are matched from the last axis backwards.
    - The matrix product: `(batch, in) @ (in, out)` gives `(batch, out)`. The inner lengths must agree,
      and vanish.
    - Flatten: `flatten(1)` lays all axes from axis 1 on in one row, and leaves the batch alone.

    ```python
    import torch

    pictures = torch.zeros(8, 3, 32, 32)
    (pictures - torch.zeros(3, 1, 1)).shape  # -> torch.Size([8, 3, 32, 32])
    (torch.zeros(8, 1280) @ torch.zeros(1280, 1000)).shape  # -> torch.Size([8, 1000])
    torch.zeros(8, 32, 8, 8).flatten(1).shape  # -> torch.Size([8, 2048])
    ```

    A *linear layer* is a matrix product with a *bias*: each output $j$ is a weighted sum of all inputs,
    plus one number of its own.

    $$ y_j = \sum_i x_i \, w_{ij} + b_j $$

    Here is the middle of a small model for pictures of 32 × 32 pixels, as it is installed on your
    machine. What the stages do is told in the chapter on how a network sees; for now, follow the shapes.
    """)
    return


@app.cell(hide_code=True)
def code_cnn():
    book.source(CNN.features)
    return


@app.cell(hide_code=True)
def figure_shapes_through():
    ShapesThrough()
    return


@app.cell(hide_code=True)
def text_door():
    mo.md(r"""
    In the CNN, the layer `dense` holds 1,049,088 of all 1,059,306 *parameters*: 2,048 · 512 *weights* and
    512 biases. The picture's size is built into it, so a picture of another size must not pass. The model
    says so at the door; without this check, the mistake would show many lines later as two lengths that
    do not match, or not at all.
    """)
    return


@app.cell(hide_code=True)
def code_door():
    book.source(check_pictures)
    return


@app.cell(hide_code=True)
def exercise_parameters():
    book.exercise("what_a_model_is.parameters")
    return


@app.cell(hide_code=True)
def mathematics():
    mo.md(r"""
    ## From logits to a prediction

    The last layer gives one number for each class: the *logits* $z_1 \dots z_n$. They can be any size,
    positive or negative. *Softmax* makes shares of them that are positive and sum to 1:

    $$ p_k = \frac{e^{z_k}}{\sum_j e^{z_j}} $$

    The largest logit gets the largest share, so it alone decides the *prediction*. Only differences
    count: add the same number to all logits, and each power of e grows by the same factor, which cancels.

    How wrong was it? If the right class is $y$, the *cross-entropy* is

    $$ \text{loss} = -\ln p_y $$

    It is 0 when the right class has all of the share, and grows without limit as that share goes to 0. A
    model that knows nothing and gives $n$ classes equal shares has the loss $\ln n$: 2.302585 for 10
    classes, 6.907755 for 1,000. Remember these two numbers. A model that has just begun to learn should
    start near them.
    """)
    return


@app.cell(hide_code=True)
def figure_three_logits():
    ThreeLogits()
    return


@app.cell(hide_code=True)
def exercise_softmax():
    book.exercise("what_a_model_is.softmax")
    return


@app.cell(hide_code=True)
def text_parameters():
    mo.md(r"""
    ## Shapes plus numbers

    Now all the pieces are on the table. A model is a chain of operations with fixed shapes, and
    parameters: the numbers that were learned. Lite0 has 4,652,008 of them, in 149 tensors. As `float32`,
    4 bytes each, they take 18.6 MB.

    How much of what the model knows is in the code, and how much in the numbers? Say first what you expect.
    """)
    return


@app.cell(hide_code=True)
def exercise_shuffled():
    book.exercise("what_a_model_is.shuffled")
    return


@app.cell(hide_code=True)
def text_devices():
    mo.md(r"""
    ## Where the numbers lie

    A tensor lies in the memory of one *device*: `cpu` is the processor with the main memory, `cuda` a GPU
    by NVIDIA (or AMD), `mps` the GPU of an Apple machine. An operation runs where its tensors lie, and
    they must all lie on the same device.

    This is half of what PyTorch is for: the same lines run on any device. The other half is that it finds
    derivatives by itself, which is the next chapter (Paszke 2019).

    ```python
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = torch.nn.Linear(1280, 1000).to(device)
    batch = torch.zeros(8, 1280, device=device)  # made where it is needed
    model(batch).shape  # -> torch.Size([8, 1000])
    ```

    Make tensors on the device where they are needed. `batch.to(device)` gives a copy, a new tensor; in
    the next chapter this difference decides where a gradient arrives.

    A GPU is made for thousands of equal multiplications at once. It pays for large models and large
    batches. A small model on a small batch keeps most of it idle, and an ordinary processor is then fast
    enough, or faster. Do not guess: measure. `bf16` is a float of 16 bits with the range of `float32` and
    fewer digits; where the machine has instructions for it, it saves time.
    """)
    return


@app.cell(hide_code=True)
def figure_forward_times():
    ForwardTimes()
    return


@app.cell(hide_code=True)
def exercise_device():
    book.exercise("what_a_model_is.device")
    return


@app.cell(hide_code=True)
def text_data():
    mo.md(r"""
    ## Data come in batches

    Models learn from data sets: pictures, each with a target, the right answer. One call opens a data set
    that an installed package brings along, a folder of your own with one folder for each class, or one of
    torchvision's named data sets, fetched once while you are online. Here it is handwritten digits that come
    with scikit-learn (Alpaydin 1998):

    ```python
    from glassworks.data.doors import open_pictures

    table = open_pictures("sample:digits")  # or a folder, or "torchvision:MNIST"
    len(table), table.classes[:3]  # -> (1797, ('0', '1', '2'))
    ```

    A machine does not learn from all pictures at once but from a *batch* at a time. One pass over all of
    them is an *epoch*. The order is shuffled anew in each epoch, so that batches differ; and it follows
    from a *seed*, so that the same run can be done again. These are the two methods that make batches
    here:
    """)
    return


@app.cell(hide_code=True)
def code_batches():
    book.source(PictureBatches, start="def order", stop="return Batch(inputs")
    return


@app.cell(hide_code=True)
def figure_batch_pages():
    BatchPages()
    return


@app.cell(hide_code=True)
def exercise_batches():
    book.exercise("what_a_model_is.batches")
    return


@app.cell(hide_code=True)
def text_summary():
    mo.md(r"""
    ## What you take along

    A model is a function: a chain of operations with fixed shapes, and parameters that were learned. What
    goes in is a tensor, and its shape, dtype, device and scale must be those that the model expects. What
    comes out are logits; softmax makes shares of them, which are certainty among known names and no
    promise. The same shapes with other numbers know nothing. Data arrive in batches, in an order that a
    seed fixes.

    How were the numbers found? That is the next chapter. You will find one by hand.
    """)
    return


@app.cell(hide_code=True)
def text_interview():
    mo.md(r"""
    ### Say it in one sentence

    Questions that are asked in interviews. Answer aloud, then open.

    <details><summary>Why must preprocessing travel with the weights?</summary>

    Weights expect inputs on the scale they were learned with, and another scale raises no error: the
    answers only get worse.

    </details>

    <details><summary>Why is the largest logit taken away before softmax?</summary>

    It changes no share, because the factor cancels, and no power of e can then overflow.

    </details>

    <details><summary>What loss do you expect before the first step of training, with 100 classes?</summary>

    About ln 100 = 4.605, the cross-entropy of equal shares.

    </details>

    <details><summary>A classifier says 99 % to a thing it was never taught. Is it broken?</summary>

    No: softmax shares 100 % among the known names, so a large share says that the others fit worse, not
    that the name is right.

    </details>

    <details><summary>When is a GPU slower than a processor?</summary>

    When the model and the batch are so small that starting the work and moving the data cost more than the
    computing.

    </details>
    """)
    return


@app.cell(hide_code=True)
def summary():
    book.summary("foundations/what_a_model_is")
    return


@app.cell(hide_code=True)
def timeline():
    book.timeline("foundations/what_a_model_is")
    return


@app.cell(hide_code=True)
def glossary():
    book.glossary("foundations/what_a_model_is")
    return


@app.cell(hide_code=True)
def references():
    book.references("foundations/what_a_model_is")
    return


if __name__ == "__main__":
    app.run()
