"""The first layer of DeiT (Touvron et al. 2021)."""

import keras
import tensorflow as tf


class DistilledEmbedding(keras.layers.Layer):
    """Vectors of patches after a class token and a distillation token, with their positions.

    Its variables have the names of KerasHub's ViT.
    """

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__(name="vit_patching_and_embedding")
        self.patch_embedding = keras.layers.Conv2D(
            width, patch_size, strides=patch_size, name="patch_embedding"
        )

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the variables for pixels (B, S, S, 3)."""
        self.patch_embedding.build(shape)
        _, rows, columns, width = self.patch_embedding.compute_output_shape(shape)
        self.positions = 2 + rows * columns
        self.class_token = self._add_vectors("class_token", 1, width)
        self.distillation_token = self._add_vectors("distillation_token", 1, width)
        self.position_embedding = self._add_vectors("position_embedding", self.positions, width)
        self.built = True

    def _add_vectors(self, name: str, number: int, width: int) -> keras.Variable:
        normal = keras.initializers.RandomNormal(stddev=0.02)
        return self.add_weight(shape=(1, number, width), initializer=normal, name=name)

    def call(self, pixels: tf.Tensor) -> tf.Tensor:
        """Return vectors (B, 2 + N, D) of pixels (B, S, S, 3)."""
        patches = self.patch_embedding(pixels)
        width = patches.shape[-1]
        patches = tf.reshape(patches, [-1, self.positions - 2, width])
        shape = [tf.shape(patches)[0], 1, width]
        class_tokens = tf.broadcast_to(self.class_token, shape)
        distillation_tokens = tf.broadcast_to(self.distillation_token, shape)
        vectors = tf.concat([class_tokens, distillation_tokens, patches], axis=1)
        return vectors + self.position_embedding

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], self.positions, self.patch_embedding.filters
