"""The encoders from Keras Applications, with Keras' own preprocessing."""

import keras
import tensorflow as tf

from models.encoders.spec import EncoderSpec, keep_pixels, scale_to_signed

IMAGENET_MEANS = (103.939, 116.779, 123.68)  # blue, green, red


def _build_inception_v3(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionV3(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _build_resnet101(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.ResNet101(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _build_inception_resnet_v2(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.InceptionResNetV2(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _build_efficientnet_v2_s(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.EfficientNetV2S(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _build_mobilenet_v3_large(image_size: int, weights: str | None) -> keras.Model:
    return keras.applications.MobileNetV3Large(
        include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
    )


def _centre_bgr(pixels: tf.Tensor) -> tf.Tensor:
    """Return RGB 0..255 as BGR minus ImageNet's means, the mode that Keras calls caffe."""
    return pixels[..., ::-1] - IMAGENET_MEANS


INCEPTION_V3 = EncoderSpec(
    image_size=299,
    build=_build_inception_v3,
    preprocess=scale_to_signed,
    earlier_layer="mixed8",
    block_pattern=r"(mixed\d+)",
    first_tuned_block="mixed7",
)
RESNET101 = EncoderSpec(
    image_size=256,  # 8 x 8 locations; the usual 224 gives 7 x 7
    build=_build_resnet101,
    preprocess=_centre_bgr,
    earlier_layer="conv4_block23_out",
    block_pattern=r"(conv\d_block\d+)_out",
    first_tuned_block="conv4_block1",
)
INCEPTION_RESNET_V2 = EncoderSpec(
    image_size=299,
    build=_build_inception_resnet_v2,
    preprocess=scale_to_signed,
    earlier_layer="mixed_7a",
    block_pattern=r"(mixed_\d[ab]|block\d+_\d+|conv_7b)(?:_.+)?",
    first_tuned_block="mixed_7a",
)
EFFICIENTNET_V2_S = EncoderSpec(
    image_size=384,  # the size of the published scores: 12 x 12 locations; 256 gives 8 x 8
    build=_build_efficientnet_v2_s,
    preprocess=keep_pixels,
    earlier_layer="block6o_add",
    block_pattern=r"(block\d[a-z]|top)_.+",
    first_tuned_block="block6a",
)
MOBILENET_V3_LARGE = EncoderSpec(
    image_size=224,  # 7 x 7 locations
    build=_build_mobilenet_v3_large,
    preprocess=keep_pixels,
    earlier_layer="expanded_conv_14_add",
    block_pattern=r"(expanded_conv(?:_\d+)?|conv_1)(?:_[a-z].+)?",
    first_tuned_block="expanded_conv_12",
)
