"""The networks that look at photos: uint8 pictures in, features of L locations out, their preprocessing inside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from models.encoders.convnet import build_convnet


@dataclass(frozen=True)
class EncoderSpec:
    """What is particular to an encoder."""

    image_size: int  # pixels a side
    # (image size, "imagenet" or None) → float pixels to a feature grid (B, rows, columns, D), or, where `accepts_presets`, to a
    # sequence (B, n + L, D) whose first n tell of the whole picture; then weights may also be other names, or sizes.
    network: Callable[[int, Any], keras.Model]
    preprocess: Callable[
        [tf.Tensor], tf.Tensor
    ]  # float pixels 0..255 → what the network's weights expect
    earlier: str  # a layer before the last, for an example
    block_end: str  # what the last layer of each block, and maybe others of it, is called; the first group is its name
    tuned_from: (
        str | None
    )  # block from which on it is trained with a decoder; None: the last third of however many
    accepts_presets: bool = False  # whether weights may be named as KerasHub's and Hugging Face's


def _inception_v3(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionV3(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _resnet101(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.ResNet101(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _inception_resnet_v2(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionResNetV2(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _efficientnet_v2_s(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.EfficientNetV2S(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _mobilenet_v3_large(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.MobileNetV3Large(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _convnet(image_size: int, _weights: str | None) -> keras.Model:
    return build_convnet(image_size)


def _vit(image_size: int, weights: Any) -> keras.Model:
    from models.encoders.vit import build_vit  # which imports KerasHub

    return build_vit(image_size, weights)


def _signed(pixels: tf.Tensor) -> tf.Tensor:
    """0..255 → −1..1."""
    return pixels / 127.5 - 1.0


def _as_they_are(pixels: tf.Tensor) -> tf.Tensor:
    """0..255, of networks that begin with a rescaling of their own."""
    return pixels


def _centred_bgr(pixels: tf.Tensor) -> tf.Tensor:
    """RGB 0..255 → BGR less ImageNet's means: what Keras calls caffe."""
    return pixels[..., ::-1] - [103.939, 116.779, 123.68]


ENCODERS: dict[str, EncoderSpec] = {
    "inception_v3": EncoderSpec(299, _inception_v3, _signed, "mixed8", r"(mixed\d+)", "mixed7"),
    # 8 x 8 locations; at 224, which is usual, they are 7 x 7.
    "resnet101": EncoderSpec(
        256, _resnet101, _centred_bgr, "conv4_block23_out", r"(conv\d_block\d+)_out", "conv4_block1"
    ),
    "inception_resnet_v2": EncoderSpec(
        299,
        _inception_resnet_v2,
        _signed,
        "mixed_7a",
        r"(mixed_\d[ab]|block\d+_\d+|conv_7b)(?:_.+)?",
        "mixed_7a",
    ),
    # The size that its weights are scored at: 12 x 12 locations; at 256 they are 8 x 8.
    "efficientnet_v2_s": EncoderSpec(
        384, _efficientnet_v2_s, _as_they_are, "block6o_add", r"(block\d[a-z]|top)_.+", "block6a"
    ),
    # 7 x 7 locations.
    "mobilenet_v3_large": EncoderSpec(
        224,
        _mobilenet_v3_large,
        _as_they_are,
        "expanded_conv_14_add",
        r"(expanded_conv(?:_\d+)?|conv_1)(?:_[a-z].+)?",
        "expanded_conv_12",
    ),
    # 14 x 14 locations, after one vector for the whole picture.
    "vit_b16": EncoderSpec(
        224,
        _vit,
        _as_they_are,
        "transformer_block_11",
        r"(transformer_block_\d+)",
        None,
        accepts_presets=True,
    ),
    "convnet": EncoderSpec(128, _convnet, _signed, "stage3_1", r"(stage\d_\d)", "stage3_1"),
}
