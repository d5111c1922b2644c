"""The encoders by name: networks from pictures to features of L locations.

To add one, describe it by an `EncoderSpec` in a file of its own and enter it here.
"""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)

# isort: split
from models.encoders.convnet import CONVNET
from models.encoders.keras_networks import (
    EFFICIENTNET_V2_S,
    INCEPTION_RESNET_V2,
    INCEPTION_V3,
    MOBILENET_V3_LARGE,
    RESNET101,
)
from models.encoders.spec import EncoderSpec
from models.encoders.vit import CLIP_VIT_B16, DINOV2_BASE, SIGLIP_BASE, VIT_B16

ENCODERS: dict[str, EncoderSpec] = {
    "inception_v3": INCEPTION_V3,
    "resnet101": RESNET101,
    "inception_resnet_v2": INCEPTION_RESNET_V2,
    "efficientnet_v2_s": EFFICIENTNET_V2_S,
    "mobilenet_v3_large": MOBILENET_V3_LARGE,
    "vit_b16": VIT_B16,
    "clip_vit_b16": CLIP_VIT_B16,
    "siglip_base": SIGLIP_BASE,
    "dinov2_base": DINOV2_BASE,
    "convnet": CONVNET,
}
