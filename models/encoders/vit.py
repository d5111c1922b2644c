"""The encoders that are Vision Transformers: ViT, CLIP, SigLIP and DINOv2."""

from typing import Any, ClassVar

import keras

from models.encoders.distilled_embedding import DistilledEmbedding
from models.encoders.spec import EncoderSpec, keep_pixels
from models.encoders.vision_transformer import (
    OFFSET,
    SCALE,
    Sizes,
    VisionTransformer,
    make_scaling,
)

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
SIGNED = {"scale": [SCALE] * 3, "offset": [OFFSET] * 3}


# All four kinds have the depth and width of ViT-B, and name their sizes so.
WIDTHS = {"num_layers": 12, "num_heads": 12, "hidden_dim": 768}
SIZE_NAMES = ("image_shape", "patch_size", *WIDTHS)


class ViT(VisionTransformer):
    """ViT-B/16 (Dosovitskiy et al. 2021), a classifier: the first vector is of the class token.

    A DeiT (Touvron et al. 2021) has a distillation token, too, whose vector is the second.
    """

    encoder = "vit_b16"
    family = "ViT"
    imagenet_preset = "vit_base_patch16_224_imagenet"
    base: ClassVar[Sizes] = {
        "patch_size": 16,
        **WIDTHS,
        "mlp_dim": 3072,
        **SIGNED,
    }
    size_names = (
        *SIZE_NAMES,
        "mlp_dim",
        "layer_norm_epsilon",
        "use_mha_bias",
        "use_class_token",
    )

    def make_backbone(self, settings: Sizes) -> keras.Model:
        from keras_hub.models import ViTBackbone  # one second, as below

        settings = dict(settings)
        is_distilled = settings.pop("use_distillation_token", False)
        backbone = ViTBackbone(**settings)
        if is_distilled:
            _, encoder = backbone.layers[1:]
            embed = DistilledEmbedding(settings["patch_size"], settings["hidden_dim"])
            return keras.Model(backbone.input, encoder(embed(backbone.input)))
        # The numbers of places. As a tensor of more than 128 numbers they would be a second input
        # of the graph that OpenVINO reads.
        embed_patches = backbone.layers[1]
        embed_patches.position_ids = embed_patches.position_ids.numpy()
        return backbone

    def list_layers(self, backbone: keras.Model) -> list[keras.layers.Layer]:
        embed_patches, encoder = backbone.layers[1:]
        return [embed_patches, *encoder.encoder_layers, encoder.layer_norm]


class CLIP(VisionTransformer):
    """CLIP's picture half (Radford et al. 2021), which learned from captions.

    The first vector is of the class token. The last layer normalisation is applied to all vectors,
    before any projection: so GIT uses them (Wang et al. 2022).
    """

    encoder = "clip_vit_b16"
    family = "CLIP"
    imagenet_preset = "clip_vit_base_patch16"
    base: ClassVar[Sizes] = {
        "patch_size": 16,
        **WIDTHS,
        "intermediate_dim": 3072,
        **make_scaling(CLIP_MEAN, CLIP_DEVIATION),
    }
    size_names = (
        *SIZE_NAMES,
        "intermediate_dim",
        "intermediate_activation",
    )

    def make_backbone(self, settings: Sizes) -> keras.Model:
        from keras_hub.models import CLIPVisionEncoder

        backbone = CLIPVisionEncoder(**settings)
        # KerasHub leaves them 0, so that all places would share the first one's embedding.
        place_numbers = backbone.embedding.position_ids
        place_numbers.assign([range(place_numbers.shape[1])])
        return backbone

    def list_layers(self, backbone: keras.Model) -> list[keras.layers.Layer]:
        first = [backbone.embedding, backbone.pre_layer_norm]
        return [*first, *backbone.encoder_layers, backbone.layer_norm]

    def select_vision(self, backbone: keras.Model) -> keras.Model:
        return backbone.vision_encoder


class SigLIP(VisionTransformer):
    """SigLIP's picture half (Zhai et al. 2023), which learned from captions.

    It has no class token: all vectors are of patches. Its head, which pools them, is dropped.
    """

    encoder = "siglip_base"
    family = "SigLIP"
    imagenet_preset = "siglip_base_patch16_224"
    base: ClassVar[Sizes] = {
        "patch_size": 16,
        **WIDTHS,
        "intermediate_dim": 3072,
        **SIGNED,
    }
    size_names = CLIP.size_names

    def make_backbone(self, settings: Sizes) -> keras.Model:
        from keras_hub.models import SigLIPVisionEncoder

        return SigLIPVisionEncoder(**settings)

    def list_layers(self, backbone: keras.Model) -> list[keras.layers.Layer]:
        _correct_shape(backbone.embedding)
        return [backbone.embedding, *backbone.encoder_layers, backbone.post_layer_norm]

    def select_vision(self, backbone: keras.Model) -> keras.Model:
        return backbone.vision_encoder


def _correct_shape(embedding: keras.layers.Layer) -> None:
    """Let SigLIP's embedding say its shape: KerasHub 0.32 counts a class token that it lacks."""

    def compute_output_shape(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], embedding.num_positions, embedding.hidden_dim

    embedding.compute_output_shape = compute_output_shape


class DINOv2(VisionTransformer):
    """DINOv2 (Oquab et al. 2023), which learned from pictures alone.

    The first vector is of the class token; after it there may be some of registers. The position
    embeddings, of 518 pixels, are interpolated to the image size.
    """

    encoder = "dinov2_base"
    family = "DINOV2"
    imagenet_preset = "dinov2_base"
    base: ClassVar[Sizes] = {
        "patch_size": 14,
        **WIDTHS,
        "intermediate_dim": 3072,
        **make_scaling(IMAGENET_MEAN, IMAGENET_DEVIATION),
    }
    size_names = (
        *SIZE_NAMES,
        "intermediate_dim",
        "num_register_tokens",
        "use_swiglu_ffn",
    )
    can_interpolate = True

    def make_backbone(self, settings: Sizes) -> keras.Model:
        from keras_hub.models import DINOV2Backbone

        # KerasHub's own interpolation differs from that of the network's makers, so it gets none.
        shape = settings["image_shape"]
        return DINOV2Backbone(**settings, position_embedding_shape=shape, use_mask_token=False)

    def list_layers(self, backbone: keras.Model) -> list[keras.layers.Layer]:
        return [backbone.embeddings, *backbone.encoder.layers, backbone.layernorm]

    def read_sizes(self, backbone: keras.Model) -> Sizes:
        """Return the sizes, with the image size of the position embeddings."""
        side = backbone.position_embedding_shape[0]
        return super().read_sizes(backbone) | {"image_shape": [side, side, 3]}

    def list_weights(self, backbone: keras.Model) -> list[keras.Variable]:
        """Return the weights without mask token, and with position embeddings as they were trained.

        KerasHub interpolates them to another image size.
        """
        weights = []
        for weight in super().list_weights(backbone):
            if weight is backbone.embeddings.interpolated_position_embeddings:
                weights.append(backbone.embeddings.position_embeddings)
            elif weight is not getattr(backbone.embeddings, "mask_token", None):
                weights.append(weight)
        return weights


def _describe(kind: VisionTransformer, blocks: str, earlier_layer: str) -> EncoderSpec:
    """Return the entry of a kind in ENCODERS; `blocks` matches the names of its blocks."""
    options: dict[str, Any] = {"first_tuned_block": None, "accepts_presets": True}
    return EncoderSpec(
        image_size=kind.usual_size,
        build=kind.build,
        preprocess=keep_pixels,
        earlier_layer=earlier_layer,
        block_pattern=blocks,
        **options,
    )


VIT_B16 = _describe(ViT(), r"(transformer_block_\d+)", "transformer_block_11")  # 14 x 14 locations
CLIP_VIT_B16 = _describe(CLIP(), r"(encoder_block_\d+)", "encoder_block_10")  # 14 x 14
SIGLIP_BASE = _describe(SigLIP(), r"(encoder_block_\d+)", "encoder_block_10")  # 14 x 14
DINOV2_BASE = _describe(DINOv2(), r"(layers_\d+)", "layers_10")  # 16 x 16
