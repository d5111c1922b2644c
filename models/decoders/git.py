"""GIT's decoder: one transformer over the photo's tokens and the words."""

import keras
import tensorflow as tf
from keras import ops

from models.decoders.blocks import POSITIONS, BlockDecoder, exact_gelu, make_normal
from models.decoders.layers import Dense
from models.decoders.random_rows import Dropout

PHOTO_EPSILON = 1e-5  # of the normalisation of photo tokens


class JointLayer(keras.layers.Layer):
    """BERT's layer (Devlin et al. 2019) for two kinds of tokens that share its weights:

        x ← norm(x + W attend(x))
        x ← norm(x + W gelu(W x))

    Photo tokens see the tokens of their photo; words see these and the words before. So photo
    tokens do not depend on words, and are computed once a photo.
    """

    def __init__(
        self,
        name: str,
        *,
        units: int,
        heads: int,
        inner: int,
        dropout: float,
        epsilon: float,
        locations: int,
    ) -> None:
        """`inner` is the width between the last two products; `locations` is L of one crop."""
        super().__init__(name=name)
        self.heads = heads
        self._locations = locations

        def make_dense(width: int, name: str) -> Dense:
            return Dense(width, kernel_initializer=make_normal(), name=name)

        def make_norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=epsilon, name=name)

        self.query = make_dense(units, "query")
        self.key = make_dense(units, "key")
        self.value = make_dense(units, "value")
        self.attention_output = make_dense(units, "attention_output")
        self.attention_norm = make_norm("attention_layer_norm")
        self.widen = Dense(
            inner,
            activation=exact_gelu,
            kernel_initializer=make_normal(),
            name="feedforward_intermediate_dense",
        )
        self.narrow = make_dense(units, "feedforward_output_dense")
        self.feedforward_norm = make_norm("feedforward_layer_norm")
        self.drop = Dropout(dropout)
        self.build((None, None, units))

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the variables for tokens (B, T, U)."""
        layers = (self.query, self.key, self.value, self.attention_output, self.widen)
        for layer in (*layers, self.attention_norm, self.feedforward_norm):
            layer.build(shape)
        self.narrow.build((*shape[:-1], self.widen.units))
        self.built = True

    def project(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return the keys and values (B, 2, T, H, U/H) of tokens (B, T, U)."""
        keys = self._split_heads(self.key(tokens))
        return tf.stack([keys, self._split_heads(self.value(tokens))], axis=1)

    def encode_photos(
        self, tokens: tf.Tensor, projected: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Return the next layer's photo tokens (P, L, U) by these and their keys and values."""
        keys, values = tf.unstack(projected, axis=1)  # (P, L, H, U/H)
        scores = tf.einsum("pqhd,plhd->phql", self._make_queries(tokens), keys)
        context = tf.einsum("phql,plhd->pqhd", tf.nn.softmax(scores), values)
        return self._finish(tokens, context, training)

    def call(
        self,
        words: tf.Tensor,
        photos: tf.Tensor,
        mask: tf.Tensor,
        kept: tf.Tensor | None = None,
        time: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return words (B, T, U), attention (B, T, L), and the keys and values of words.

        `photos` are keys and values (P, 2, L, H, U/H) of photo tokens. `mask` (1, T, S) says which
        words see which. With `kept`, the words' own keys and values are put there at `time`.
        """
        projected = self.project(words)
        if kept is not None:
            projected = ops.slice_update(kept, [0, 0, time, 0, 0], projected)
        word_keys, word_values = tf.unstack(projected, axis=1)  # (B, S, H, U/H)
        photo_keys, photo_values = tf.unstack(photos, axis=1)  # (P, L, H, U/H)
        queries = self._make_queries(words)  # (B, T, H, U/H)

        # The captions of a photo are joined into one long caption: photos need no repeating.
        photo_count = photos.shape[0] or tf.shape(photos)[0]
        _, steps, heads, width = queries.shape
        locations = photos.shape[2]
        long_queries = tf.reshape(queries, [photo_count, -1, heads, width])  # (P, C·T, H, U/H)
        photo_scores = tf.einsum("pqhd,plhd->pqhl", long_queries, photo_keys)
        photo_scores = tf.reshape(photo_scores, [-1, steps, heads, locations])  # (B, T, H, L)
        # All crops together have the weight of one, as the network learned it.
        photo_scores -= tf.math.log(float(locations // self._locations))
        word_scores = tf.einsum("bthd,bshd->bths", queries, word_keys)
        word_scores = tf.where(mask[:, :, None], word_scores, word_scores.dtype.min)

        shares = tf.nn.softmax(tf.concat([photo_scores, word_scores], axis=-1))
        photo_shares, word_shares = tf.split(shares, [locations, word_keys.shape[1]], axis=-1)
        long_shares = tf.reshape(photo_shares, [photo_count, -1, heads, locations])
        context = tf.einsum("pqhl,plhd->pqhd", long_shares, photo_values)
        context = tf.reshape(context, tf.shape(queries))
        context += tf.einsum("bths,bshd->bthd", word_shares, word_values)
        words = self._finish(words, context, training)
        return words, tf.reduce_mean(photo_shares, axis=2), projected

    def _make_queries(self, tokens: tf.Tensor) -> tf.Tensor:
        """Return queries (B, T, H, U/H), scaled."""
        queries = self._split_heads(self.query(tokens))
        return queries / queries.shape[-1] ** 0.5

    def _split_heads(self, vectors: tf.Tensor) -> tf.Tensor:
        units = vectors.shape[-1]
        shape = [-1, vectors.shape[1], self.heads, units // self.heads]
        return tf.reshape(vectors, shape)

    def _finish(self, tokens: tf.Tensor, context: tf.Tensor, training: bool) -> tf.Tensor:
        """Return the layer's output by the context (B, T, H, U/H) that was attended to."""
        attended = self.attention_output(tf.reshape(context, tf.shape(tokens)))
        attended = tf.ensure_shape(attended, tokens.shape)
        tokens = self.attention_norm(tokens + self.drop(attended, training=training))
        output = self.narrow(self.widen(tokens))
        return self.feedforward_norm(tokens + self.drop(output, training=training))


class GITDecoder(BlockDecoder):
    """GIT's decoder (Wang et al. 2022):

        photo tokens = norm(W features) + place
        words        = norm(embed(w) + position)
        xᵢ₊₁         = layerᵢ(photo tokens, words)
        logits       = output · x + bias

    GIT has no `place`, since its encoder knows places. It starts as zeros, so that pretrained
    weights keep their meaning. The returned attention is the mean over all heads of all layers,
    without the part that goes to words, and sums to 1. The tokens of each crop see that crop only.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        locations: int,
        depth: int,
        units: int,
        layers: int,
        heads: int,
        dropout: float,
        positions: int = POSITIONS,
        inner: int | None = None,
        epsilon: float = 1e-12,
    ) -> None:
        """`locations` and `depth` are the encoder's L and D.

        `inner` is the width inside a layer; the default is 4 times `units`.
        """
        super().__init__()
        self.locations = locations
        self.positions = positions
        self.project = Dense(units, kernel_initializer=make_normal(), name="projection")
        self.photo_norm = keras.layers.LayerNormalization(
            epsilon=PHOTO_EPSILON, name="projection_layer_norm"
        )
        self.place = self.add_weight(shape=(locations, units), name="place", initializer="zeros")
        self.embed = keras.layers.Embedding(
            vocabulary, units, embeddings_initializer=make_normal(), name="token_embedding"
        )
        self.position = keras.layers.Embedding(
            positions, units, embeddings_initializer=make_normal(), name="position_embedding"
        )
        self.embed_norm = keras.layers.LayerNormalization(
            epsilon=epsilon, name="embedding_layer_norm"
        )
        blocks = []
        for number in range(layers):
            block = JointLayer(
                f"transformer_layer_{number}",
                units=units,
                heads=heads,
                inner=inner or 4 * units,
                dropout=dropout,
                epsilon=epsilon,
                locations=locations,
            )
            blocks.append(block)
        self.blocks = blocks
        self.output_vectors = self.add_weight(
            shape=(vocabulary, units), name="output", initializer=make_normal()
        )
        self.bias = self.add_weight(shape=(vocabulary,), name="bias", initializer="zeros")
        self.drop = Dropout(dropout)
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return the word vectors, the output layer and its bias."""
        return [(self.embed.embeddings, 0), (self.output_vectors, 0), (self.bias, 0)]

    def _embed_words(self, tokens: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        return self.embed_norm(super()._embed_words(tokens, time))

    def _project_photos(self, features: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """Return each layer's keys and values (P, 2, L, H, U/H) for photos (P, L, D).

        Photo tokens do not depend on words, so all layers are computed here, once a photo.
        """
        crops = features.shape[1] // self.locations
        each_crop = tf.reshape(features, [-1, self.locations, features.shape[-1]])
        tokens = self.project(tf.cast(each_crop, self.compute_dtype))
        tokens = self.photo_norm(tokens) + self.place  # (P·k, L, U)
        memory = []
        for layer in self.blocks:
            projected = layer.project(tokens)
            memory.append(_join_crops(projected, crops))
            if layer is not self.blocks[-1]:  # nothing sees what the last layer makes of them
                tokens = layer.encode_photos(tokens, projected, training)
        return memory

    def _average(self, attentions: list[tf.Tensor]) -> tf.Tensor:
        """Return the mean of the layers' attention, with rows that sum to 1."""
        total = tf.add_n(attentions)
        return total / tf.reduce_sum(total, axis=-1, keepdims=True)

    def get_output_vectors(self) -> keras.Variable:
        return self.output_vectors


def _join_crops(projected: tf.Tensor, crops: int) -> tf.Tensor:
    """Return keys and values (P, 2, k·L, H, U/H) by those of each crop, (P·k, 2, L, H, U/H)."""
    if crops == 1:
        return projected
    _, pair, locations, heads, width = projected.shape
    split = tf.reshape(projected, [-1, crops, pair, locations, heads, width])
    split = tf.transpose(split, [0, 2, 1, 3, 4, 5])  # (P, 2, k, L, H, U/H)
    return tf.reshape(split, [-1, pair, crops * locations, heads, width])
