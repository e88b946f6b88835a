"""Made-up texts in which words of a topic stand together, for tests of word vectors."""

import numpy as np

TOPICS = {
    "sea": "water ship wave sail shore captain harbour storm island fish",
    "house": "room door window table chair kitchen stairs roof wall lamp",
    "school": "teacher book lesson pupil class letter paper word page desk",
    "farm": "horse cow field barn corn plough hay sheep wheat fence",
}
SMALL = "the a of and in was to it that with"


def sentences(count=2500, seed=0):
    """Each of 12 words: eight of one topic, four small ones, in any order."""
    chance = np.random.default_rng(seed)
    topics, small = [text.split() for text in TOPICS.values()], SMALL.split()
    made = []
    for _ in range(count):
        topic = topics[chance.integers(len(topics))]
        words = [*chance.choice(topic, 8), *chance.choice(small, 4)]
        made.append(" ".join(chance.permutation(words)))
    return made


def write_texts(folder, count=2500, files=3):
    """The sentences in a few .txt files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = sentences(count)
    for number in range(files):
        text = ".\n".join(made[number::files]) + ".\n"
        (folder / f"part-{number}.txt").write_text(text, encoding="utf-8")
    return folder
