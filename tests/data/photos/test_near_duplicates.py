"""Similar photos are found after changes of size, quality and light; different ones are not."""

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from sklearn.datasets import load_sample_images

from data.photos.images import read_photo
from data.photos.near_duplicates import (
    HASH_SIDE,
    MAX_DISTANCE,
    compute_perceptual_hash,
    find_similar,
)


def draw_blobs(seed):
    """A picture of smooth coloured blobs, (180, 240)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def pictures():
    return [Image.fromarray(each) for each in load_sample_images().images] + [
        draw_blobs(seed) for seed in range(40)
    ]


def encode(picture, kind="PNG", **options):
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def compute_hash(content):
    return compute_perceptual_hash(read_photo(content, (HASH_SIDE, HASH_SIDE)))


def count_bits(one, other):
    return (one ^ other).bit_count()


def add_noise(picture):
    noise = np.random.default_rng(0).normal(0, 12, (picture.height, picture.width, 3))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


ALTERED = {
    "half as large": lambda picture: encode(
        picture.resize((picture.width // 2, picture.height // 2))
    ),
    "larger": lambda picture: encode(
        picture.resize((picture.width * 2, picture.height * 2)), "JPEG"
    ),
    "squeezed": lambda picture: encode(picture.resize((200, 200))),
    "saved badly": lambda picture: encode(picture, "JPEG", quality=15),
    "as WebP": lambda picture: encode(picture, "WEBP", quality=40),
    "darker": lambda picture: encode(ImageEnhance.Brightness(picture).enhance(0.6)),
    "of less contrast": lambda picture: encode(ImageEnhance.Contrast(picture).enhance(0.6)),
    "grey": lambda picture: encode(picture.convert("L")),
    "shaken": lambda picture: encode(add_noise(picture)),
    "all of it": lambda picture: encode(
        ImageEnhance.Brightness(picture.resize((150, 100))).enhance(0.8), "JPEG", quality=40
    ),
}


@pytest.mark.parametrize("change", ALTERED)
def test_an_altered_photo_is_similar(pictures, change):
    ones = [compute_hash(encode(picture)) for picture in pictures[:12]]
    others = [compute_hash(ALTERED[change](picture)) for picture in pictures[:12]]
    assert list(find_similar(ones, others)) == [(place, place) for place in range(12)]


def test_a_photo_cut_a_little_at_its_edges_is_similar(pictures):
    for picture in pictures[:2]:
        width, height = picture.size
        cut = picture.crop((width // 50, height // 50, width - width // 50, height - height // 50))
        assert (
            0 < count_bits(compute_hash(encode(picture)), compute_hash(encode(cut))) <= MAX_DISTANCE
        )


def test_different_photos_are_not_similar(pictures):
    seen = [compute_hash(encode(picture)) for picture in pictures]
    distances = [count_bits(one, other) for place, one in enumerate(seen) for other in seen[:place]]
    assert len(distances) == 861
    assert min(distances) > MAX_DISTANCE
    assert 30 < np.mean(distances) < 33  # half of the bits, as of bits drawn at random
    assert not list(find_similar(seen[:20], seen[20:]))


def test_a_mirrored_or_turned_photo_is_another(pictures):
    for picture in pictures[:2]:
        for change in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180):
            assert (
                count_bits(
                    compute_hash(encode(picture)), compute_hash(encode(picture.transpose(change)))
                )
                > MAX_DISTANCE
            )


def test_an_orientation_mark_is_obeyed(pictures):
    lying = pictures[0].transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    assert (
        count_bits(
            compute_hash(encode(lying, "JPEG", exif=exif, quality=95)),
            compute_hash(encode(pictures[0])),
        )
        <= MAX_DISTANCE
    )
    assert (
        count_bits(
            compute_hash(encode(lying, "JPEG", quality=95)), compute_hash(encode(pictures[0]))
        )
        > MAX_DISTANCE
    )


def test_the_bits_are_the_low_frequencies_above_their_median():
    """Computed from the definition of the transform.

    X[k, l] = Σ x[m, n] cos(π k (2m + 1) / 2N) cos(π l (2n + 1) / 2N), scaled.
    """
    pixels = np.random.default_rng(3).integers(0, 256, (HASH_SIDE, HASH_SIDE, 3), np.uint8)
    grey = np.asarray(Image.fromarray(pixels).convert("L"), float)
    place = np.arange(HASH_SIDE)
    waves = np.cos(np.pi * place[:8, None] * (2 * place + 1) / (2 * HASH_SIDE)) * np.sqrt(
        2 / HASH_SIDE
    )
    waves[0] /= np.sqrt(2)
    low = (waves @ grey @ waves.T).ravel()
    bits = "".join("1" if each > np.median(low) else "0" for each in low)
    assert bits.count("1") == 32
    assert compute_perceptual_hash(pixels) == int(bits, 2)
    assert (
        compute_perceptual_hash(pixels).bit_length() == 64
    )  # the mean light is the greatest of all


@pytest.mark.parametrize("distance", [0, 3, 8, 20])
def test_similar_pairs_are_those_of_counting_bits(distance):
    draw = random.Random(distance)
    ones = [draw.getrandbits(64) for _ in range(30)]
    others = [
        draw.choice(ones) ^ sum(1 << bit for bit in draw.sample(range(64), draw.randint(0, 12)))
        for _ in range(60)
    ]
    counted = [
        (place, other)
        for place, one in enumerate(ones)
        for other, seen in enumerate(others)
        if bin(one ^ seen).count("1") <= distance
    ]
    assert any(one >= 2**63 for one in ones) and counted
    assert list(find_similar(ones, others, max_distance=distance)) == counted


def test_the_largest_distance_and_empty_lists():
    one, edge = 0xF0F0_F0F0_0F0F_0F0F, 2**MAX_DISTANCE - 1
    assert list(
        find_similar(
            [one, ~one % 2**64],
            [one ^ edge, one ^ edge << (64 - MAX_DISTANCE), ~one % 2**64 ^ edge],
        )
    ) == [(0, 0), (0, 1), (1, 2)]
    assert list(find_similar([one], [one ^ (2 ** (MAX_DISTANCE + 1) - 1)])) == []
    assert list(find_similar([], [one])) == list(find_similar([one], [])) == []


def test_pictures_without_detail_are_never_similar():
    """A plain colour or an edge has hardly any frequencies, and all such pictures share them."""
    plain = [np.full((HASH_SIDE, HASH_SIDE, 3), shade, np.uint8) for shade in (0, 128, 255)]
    edge = np.zeros((HASH_SIDE, HASH_SIDE, 3), np.uint8)
    edge[:, HASH_SIDE // 2 :] = 255
    seen = [
        compute_perceptual_hash(each)
        for each in (*plain, edge, edge[:, ::-1].copy(), edge.transpose(1, 0, 2).copy())
    ]
    assert max(count_bits(one, other) for one in seen for other in seen) <= MAX_DISTANCE
    assert list(find_similar(seen, seen)) == []
