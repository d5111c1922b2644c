"""CIDEr-D equals that of pycocoevalcap's scorer."""

import math
import os
import random
from pathlib import Path

import pytest
from pycocoevalcap.cider.cider_scorer import CiderScorer, cook_test

from data.scenes.dataset import caption_scene
from data.scenes.layout import compose_scene
from data.sources import read
from utils.metrics.captions import Scorer
from utils.metrics.cider_reward import CiderD

NEEDS_REAL_DATA = pytest.mark.skipif(
    "CAPTION_REAL_DATA" not in os.environ,
    reason="the folder of real data is not named in CAPTION_REAL_DATA",
)


def words(caption):
    return " ".join(caption.lower().replace(".", " ").replace(",", " ").split())


@pytest.fixture(scope="module")
def scenes():
    """True captions of 200 scenes, five each."""
    return [
        [words(caption) for caption in caption_scene(compose_scene(seed))] for seed in range(200)
    ]


def alter(captions, seed=0):
    """Return a caption a photo such as decoders write: cut short, repetitive, with holes, odd."""
    random_ = random.Random(seed)
    written = []
    for number, own in enumerate(captions):
        source = own if number % 3 else random_.choice(captions)
        text = random_.choice(source).split()
        kinds = [
            text,
            text[: random_.randrange(1, 6)],
            [*text, *text[-3:]],
            [word for word in text if random_.random() < 0.8],
            [random_.choice([word, word, "unheard"]) for word in text],
            [word for word in text for _ in range(random_.choice([1, 1, 3]))],
        ]
        written.append(" ".join(kinds[number % 6]))
    return written


def score_by_coco_caption(captions, references, documents=None):
    """CIDEr-D by pycocoevalcap, n-grams counted over the references or other documents."""
    scorer = CiderScorer(n=4, sigma=6.0)
    for photo in documents or references:
        scorer.cook_append(None, photo)
    scorer.compute_doc_freq()
    counted = scorer.crefs
    scorer.crefs = []
    for photo in references:
        scorer.cook_append(None, photo)
    scorer.crefs += counted[
        len(references) :
    ]  # as many as documents: of their number it makes the log reference length
    scorer.ctest = [cook_test(caption) for caption in captions]
    return [float(score) for score in scorer.compute_cider()]


def score_all(captions, cider):
    return [cider(photo, caption) for photo, caption in enumerate(captions)]


def test_it_equals_coco_caption_on_scenes(scenes):
    captions = alter(scenes)
    wanted = score_by_coco_caption(captions, scenes)
    assert score_all(captions, CiderD(scenes)) == pytest.approx(wanted, abs=1e-9)
    assert Scorer(scenes, tokenize=str.split).score_photos_by_cider(captions) == pytest.approx(
        wanted, abs=1e-9
    )
    assert min(wanted) < 0.5 and max(wanted) > 5


@NEEDS_REAL_DATA
def test_it_equals_coco_caption_on_real_captions():
    photos = read(Path(os.environ["CAPTION_REAL_DATA"]) / "flickr8k").examples
    references = [
        [words(caption) for caption in photo.captions] for photo in photos if photo.split == "val"
    ]
    captions = alter(references)[:200]
    assert score_all(captions, CiderD(references)) == pytest.approx(
        score_by_coco_caption(captions, references), abs=1e-9
    )


def test_ngrams_can_be_counted_over_other_photos(scenes):
    documents, references = scenes[:120], scenes[120:]
    captions = alter(references)
    found = score_all(captions, CiderD(references, documents=documents))
    assert found == pytest.approx(score_by_coco_caption(captions, references, documents), abs=1e-9)
    assert found != pytest.approx(score_all(captions, CiderD(references)), abs=1e-3)


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "   ",
        "dog",
        "unheard",
        "dog dog dog dog",
        "dog a dog a dog a dog",
        "a dog runs " * 12,
        "a  dog\truns",
        "a cat runs in the park near a dog that runs",
    ],
)
def test_it_equals_coco_caption_on_odd_captions(caption):
    references = [
        ["a dog runs in the park", "dog", "", "a dog a dog", "a dog runs in the park"],
        [""],
        ["a cat"],
        ["a bird"],
        ["a horse", "", "a horse in a park"],
    ]
    for photo in range(len(references)):
        captions = ["a bird"] * photo + [caption]
        wanted = score_by_coco_caption(captions, references)[photo]
        assert CiderD(references)(photo, caption) == pytest.approx(wanted, abs=1e-9)
        assert math.isfinite(wanted)


def test_cider_worked_by_hand():
    """Of two photos, "a" is in both and weighs nothing; every other n-gram weighs log 2."""
    cider = CiderD([["a dog"], ["a cat", "cat cat"]])
    assert cider(0, "a dog") == pytest.approx(10 * 2 / 4)  # one word and one pair of four lengths
    assert cider(0, "a cat") == 0.0
    # "cat" against "a cat": the word, and one word shorter. Against "cat cat": once instead of
    # twice.
    assert cider(1, "cat") == pytest.approx(10 * math.exp(-1 / 72) * (1 + 1 * 2 / 2) / 2 / 4)
    # Written twice, it counts once where the reference has it once.
    assert cider(1, "cat cat") == pytest.approx(10 * (1 * 1 / 2 + (2 * 2 / 4 + 1)) / 2 / 4)


def test_a_single_photo_scores_zero():
    assert CiderD([["a dog runs"]])(0, "a dog runs") == 0.0


def test_scores_do_not_depend_on_the_cache(scenes):
    captions = alter(scenes)
    forgetful, cider = CiderD(scenes, cached_photos=1), CiderD(scenes)
    first = score_all(captions, cider)
    assert score_all(captions, cider) == first == score_all(captions, forgetful)


def test_references_are_counted_once(scenes):
    """By the cache's own count: twelve photos, five captions each."""
    cider = CiderD(scenes, cached_photos=20)
    for photo in range(12):
        for caption in scenes[photo]:
            cider(photo, caption)
    info = cider._count_references.cache_info()
    assert (info.misses, info.hits, info.maxsize) == (12, 48, 20)


@pytest.mark.parametrize(
    ("references", "photo", "message"),
    [
        ([], 0, "no photos to count words of"),
        ([["a dog"], []], 0, r"photo 1 needs .* \(got \[\]\)"),
        (["a dog"], 0, r"photo 0 needs .* \(got 'a dog'\)"),
        ([["a dog"], ["a cat"]], 2, r"from 0 to 1 \(got 2\)"),
        ([["a dog"], ["a cat"]], -1, r"from 0 to 1 \(got -1\)"),
    ],
)
def test_wrong_input_is_rejected(references, photo, message):
    with pytest.raises(ValueError, match=message):
        CiderD(references)(photo, "a dog")
