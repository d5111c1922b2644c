"""The grid of augmented views shows what training gets."""

import numpy as np
import pytest

import img_augmentation_test as augmentation
import showing
from data.img_augmentation import AUGMENTERS
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.photos.views import Views


def list_pictures(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


@pytest.mark.parametrize(
    ("words", "caption"), [([], "a pagoda"), (["--no-flip"], "a pagoda on the left")]
)
def test_the_views_are_those_of_training(run_doc_script, tmp_path, words, caption):
    path = showing.find_sample("flower.jpg")
    done = run_doc_script(augmentation, path, "--image-size", 96, "--seed", 3, "--views", 4, *words)
    views = Views(number=4, seed=3)
    hashes = PhotoHashes(tmp_path / "photos.json")
    photo_hash = next(hashes.open_all([path])).hash
    photo = Photo(path, path.name, (caption,), photo_hash, "train")
    pictures = list_pictures(done.figure)
    expected = [views.load_picture(photo, view, 96) for view in range(5)]
    np.testing.assert_array_equal(pictures[:5], expected)
    names = [name for name in AUGMENTERS if name != "flip" or not words]
    texts = [text.get_text() for text in done.figure.texts][2:-1]
    assert texts[:5] == ["flower.jpg", "view 1", "view 2", "view 3", "view 4"]
    assert [text.split("\n")[0] for text in texts[5:]] == names
    original = pictures[0]
    changes = [np.abs(picture.astype(float) - original).mean() for picture in pictures[5:]]
    assert [float(text.split("\n")[1]) for text in texts[5:]] == pytest.approx(changes, abs=0.051)
    assert min(changes) > 0.2  # the flip too, which does nothing in half of the draws


def test_of_each_augmenter_the_strongest_draw_is_shown():
    image = read_photo(showing.find_sample(), (64, 64))
    augmenter = AUGMENTERS["brightness"]()
    augmenter.seed_(5)
    draws = [augmenter(image=image) for _ in range(augmentation.DRAWS)]
    changes = [augmentation.measure_change(draw, image) for draw in draws]
    strongest = augmentation.find_strongest("brightness", image, 5)
    np.testing.assert_array_equal(strongest, draws[np.argmax(changes)])
    assert max(changes) > min(changes) > 0
