"""The decoder contract, over every registered decoder."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import DECODERS, build_decoder, lstm
from models.decoders.attention import AdditiveAttention, DotAttention, compute_context
from models.decoders.base import repeat_rows
from models.search.compiled import compile_search
from models.search.rules import Rules
from models.training.checkpoints import load_weights, make_checkpoint
from models.training.losses import masked_loss
from tests.helpers.decoders import small_decoder
from utils.errors import UsageError, UserError

PHOTOS, CAPTIONS, LOCATIONS, DEPTH, STEPS, VOCABULARY = 3, 2, 9, 7, 5, 11
EVERY = [
    *(pytest.param(name, {}, id=name) for name in DECODERS),
    *(pytest.param("lstm", {"attention": how}, id=f"lstm-{how}") for how in ("hard", "none")),
    pytest.param("luong", {"attention": "additive"}, id="luong-additive"),
    pytest.param("gru", {"features": "raw"}, id="gru-raw"),
]


def small(name="gru", seed=0, **more):
    layers = 2 if name == "transformer" else 1
    sizes = {"units": 16, "attention_units": 6, "dropout": 0.3, "layers": layers} | more
    return small_decoder(
        name, seed=seed, vocabulary=VOCABULARY, locations=LOCATIONS, depth=DEPTH, **sizes
    )


shared = functools.cache(small)  # for tests that leave its weights as they are


@pytest.fixture(scope="module")
def features():
    return tf.constant(np.random.default_rng(0).random((PHOTOS, LOCATIONS, DEPTH)), tf.float32)


@pytest.fixture(scope="module")
def tokens():
    return tf.constant(
        np.random.default_rng(1).integers(1, VOCABULARY, (PHOTOS * CAPTIONS, STEPS)), tf.int32
    )


@pytest.mark.parametrize(("name", "options"), EVERY)
class TestEveryDecoder:
    def test_shapes_and_attention_is_a_distribution(self, name, options, features, tokens):
        logits, attention = shared(name, **options)(features, tokens)
        assert logits.shape == (PHOTOS * CAPTIONS, STEPS, VOCABULARY)
        assert attention.shape == (PHOTOS * CAPTIONS, STEPS, LOCATIONS)
        assert np.isfinite(logits).all()
        np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, rtol=1e-5)

    def test_at_places_logits_are_those_of_the_whole(self, name, options, features, tokens):
        decoder = shared(name, **options)
        logits, attention = decoder(features, tokens)
        at_places, same = decoder(features, tokens, places=tf.constant([0, 7, STEPS * 2 + 1]))
        wanted = np.stack([logits[0, 0], logits[1, 2], logits[2, 1]])
        np.testing.assert_allclose(at_places, wanted, atol=1e-5)
        np.testing.assert_allclose(same, attention, atol=1e-5)

    def test_the_same_crop_twice_tells_what_it_tells_once(self, name, options, features, tokens):
        """Attention is shared between them, but for hard attention, which looks at one place."""
        decoder = shared(name, **options)
        logits, attention = decoder(features, tokens[:, :1])
        memory, state = decoder.begin(tf.concat([features, features], axis=1))
        twice, _, shares = decoder.step(tokens[:, 0], memory, repeat_rows(state, CAPTIONS))
        np.testing.assert_allclose(twice, logits[:, 0], atol=1e-5)
        np.testing.assert_allclose(
            shares[:, :LOCATIONS] + shares[:, LOCATIONS:], attention[:, 0], atol=1e-5
        )

    def test_call_equals_repeated_step(self, name, options, features, tokens):
        decoder = shared(name, **options)
        logits, attention = decoder(features, tokens)
        memory, state = decoder.begin(features)
        state = repeat_rows(state, CAPTIONS)
        for time in range(STEPS):
            step_logits, state, step_attention = decoder.step(tokens[:, time], memory, state)
            np.testing.assert_allclose(step_logits, logits[:, time], atol=1e-5)
            np.testing.assert_allclose(step_attention, attention[:, time], atol=1e-5)

    @pytest.mark.parametrize("beam", [1, 3])
    def test_search_tells_what_call_tells(self, name, options, beam, features, tokens):
        """The log-probability and attention of the captions found, against the whole captions' from `call`."""
        decoder = shared(name, **options)
        search = compile_search(decoder, Rules(2, 3, (0,), STEPS, beam=beam, length_penalty=0.0))
        found = search(features, tf.zeros([PHOTOS], tf.int32))
        words = tf.reshape(found.tokens, [PHOTOS * beam, -1])
        logits, attention = decoder(
            features, tf.concat([tf.fill([PHOTOS * beam, 1], 2), words[:, :-1]], axis=1)
        )
        said = words != 0
        of_words = tf.gather(tf.nn.log_softmax(logits), words, batch_dims=2)
        whole = tf.reduce_sum(tf.where(said, of_words, 0.0), axis=1)
        np.testing.assert_allclose(tf.reshape(found.log_probability, [-1]), whole, atol=1e-4)
        seen = tf.reshape(found.attention, attention.shape)
        np.testing.assert_allclose(
            tf.boolean_mask(seen, said), tf.boolean_mask(attention, said), atol=1e-5
        )

    def test_a_photo_s_captions_depend_on_that_photo_alone(self, name, options, features, tokens):
        """Rows 2 and 3 belong to photo 1: alone with it they get the same logits as among the others."""
        decoder = shared(name, **options)
        together, _ = decoder(features, tokens)
        alone, _ = decoder(features[1:2], tokens[2:4])
        np.testing.assert_allclose(together[2:4], alone, atol=1e-5)

    def test_every_variable_gets_a_gradient(self, name, options, features, tokens):
        decoder = shared(name, **options)
        with tf.GradientTape() as tape:
            logits, _ = decoder(features, tokens[:, :-1], training=True)
            loss = masked_loss(logits, tokens[:, 1:])
        for variable, gradient in zip(
            decoder.trainable_variables,
            tape.gradient(loss, decoder.trainable_variables),
            strict=True,
        ):
            assert gradient is not None, variable.path
            assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path

    def test_the_same_graph_compiled(self, name, options, features, tokens):
        decoder = shared(name, **options)
        eager, _ = decoder(features, tokens)
        compiled, _ = tf.function(lambda *each: decoder(*each), jit_compile=True)(features, tokens)
        np.testing.assert_allclose(compiled, eager, atol=1e-4)

    def test_equal_seeds_give_equal_weights(self, name, options, features, tokens):
        decoder, other = small(name, **options), small(name, seed=1, **options)
        for one, two in zip(decoder.variables, small(name, **options).variables, strict=True):
            np.testing.assert_array_equal(one.numpy(), two.numpy())
        assert np.abs(other(features, tokens)[0] - decoder(features, tokens)[0]).max() > 1e-3

    def test_saved_and_loaded_gives_equal_outputs(self, name, options, features, tokens, tmp_path):
        decoder, other = shared(name, **options), small(name, seed=1, **options)
        tf.train.CheckpointManager(make_checkpoint(decoder), str(tmp_path / "best"), 1).save()
        load_weights(other, tmp_path / "best")
        np.testing.assert_array_equal(other(features, tokens)[0], decoder(features, tokens)[0])

    def test_a_checkpoint_cut_short_is_refused_by_name(self, name, options, tmp_path):
        decoder = small(name, **options)
        tf.train.CheckpointManager(make_checkpoint(decoder), str(tmp_path / "best"), 1).save()
        data = next((tmp_path / "best").glob("*.data*"))
        data.write_bytes(data.read_bytes()[:100])
        with pytest.raises(UserError, match="best/ckpt-1 is damaged"):
            load_weights(decoder, tmp_path / "best")


def test_additive_attention_against_the_equation():
    """score = v · tanh(W q + b + U k), worked out in NumPy for two rows a photo."""
    random = np.random.default_rng(0)
    query, values = random.random((4, 3), np.float32), random.random((2, 5, 3), np.float32)
    layer = AdditiveAttention(6)
    keys = layer.compute_keys(values)
    attention = layer(query, keys)
    seen = compute_context(attention, values)
    weights = [
        variable.numpy()
        for variable in (layer.query.kernel, layer.query.bias, layer.key.kernel, layer.score.kernel)
    ]
    for row in range(4):
        photo = row // 2
        scores = (
            np.tanh(query[row] @ weights[0] + weights[1] + values[photo] @ weights[2])
            @ weights[3][:, 0]
        )
        wanted = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(attention[row], wanted, rtol=1e-4)
        np.testing.assert_allclose(seen[row], wanted @ values[photo], rtol=1e-4)


def test_dot_attention_against_the_equation():
    """score = q · v, worked out in NumPy for two rows a photo; it has no weights."""
    random = np.random.default_rng(0)
    query, values = (
        random.normal(size=(4, 3)).astype(np.float32),
        random.normal(size=(2, 5, 3)).astype(np.float32),
    )
    layer = DotAttention()
    attention = layer(tf.constant(query), layer.compute_keys(tf.constant(values)))
    for row in range(4):
        scores = values[row // 2] @ query[row]
        np.testing.assert_allclose(attention[row], np.exp(scores) / np.exp(scores).sum(), rtol=1e-4)
    assert layer.variables == []


def test_an_unknown_decoder_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="unknown decoder 'gur'; did you mean 'gru'"):
        build_decoder("gur", seed=0)


def test_the_lstm_against_the_equations():
    """First state from the mean feature, gate, attention asked by the state, LSTM and deep output, worked out in NumPy."""
    decoder, random = small("lstm", layers=2), np.random.default_rng(0)
    features = random.random((2, LOCATIONS, DEPTH), np.float32)

    def dense(layer, values):
        return values @ layer.kernel.numpy() + (layer.bias.numpy() if layer.use_bias else 0)

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    state = [
        [np.tanh(dense(first, features.mean(axis=1))) for first in layer] for layer in decoder.first
    ]
    _, begun = decoder.begin(features)
    begun = [[each.numpy() for each in layer] for layer in begun["layers"]]
    for ours, theirs in zip(np.ravel(state), np.ravel(begun), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4)
    words = np.array([3, 5])
    embedded, last = decoder.embed.embeddings.numpy()[words], state[-1][0]
    query = dense(decoder.attend.query, last)[:, None]
    scores = dense(decoder.attend.score, np.tanh(query + dense(decoder.attend.key, features)))[
        ..., 0
    ]
    attention = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gate = sigmoid(dense(decoder.gate, last))
    assert gate.shape == (2, 1) and (gate > 0).all() and (gate < 1).all()
    seen = gate * (attention[:, None] @ features)[:, 0]
    told = np.concatenate([embedded, seen], axis=1)
    for cell, (hidden, carried) in zip(decoder.cells, state, strict=True):
        gates = (
            told @ cell.kernel.numpy() + hidden @ cell.recurrent_kernel.numpy() + cell.bias.numpy()
        )
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        told = sigmoid(leave) * np.tanh(sigmoid(forget) * carried + sigmoid(enter) * np.tanh(new))
    wanted = dense(
        decoder.words, embedded + dense(decoder.of_state, told) + dense(decoder.of_context, seen)
    )
    logits, _, looked = decoder.step(tf.constant(words), *decoder.begin(features))
    np.testing.assert_allclose(looked, attention, rtol=1e-4)
    np.testing.assert_allclose(logits, wanted, rtol=1e-3, atol=1e-5)


def only(memory, places):
    """The memory of photos in which every location (B, L, D) looks like the one at the photo's place (B,)."""
    seen = tf.gather(memory["values"], tf.constant(places), axis=1, batch_dims=1)
    return memory | {"values": tf.repeat(seen[:, None], LOCATIONS, axis=1)}


@pytest.fixture(scope="module")
def hard():
    """A decoder that draws, by an attention that is far from even."""
    decoder = small("lstm", attention="hard", dropout=0.0)
    decoder.attend.score.kernel.assign(decoder.attend.score.kernel * 8)
    return decoder


def asked(decoder, features):
    """Attention (P, L) before the first word, of which a location is drawn or the likeliest taken."""
    _, attention, _ = decoder.explore(features, tf.fill([len(features), 1], 2))
    return attention[:, 0].numpy()


def test_hard_attention_looks_at_the_likeliest_location_alone(hard, features, tokens):
    memory, state = hard.begin(features)
    first = tokens[::CAPTIONS, 0]
    logits, _, looked = hard.step(first, memory, state)
    weights = asked(hard, features)
    assert (
        0.2 < weights.max(axis=1).min() < weights.max() < 0.95
    )  # what is not looked at would count
    likeliest = weights.argmax(axis=1)
    np.testing.assert_array_equal(looked, np.eye(LOCATIONS)[likeliest])
    np.testing.assert_allclose(
        hard.step(first, only(memory, likeliest), state)[0], logits, atol=1e-5
    )
    other, _, again = hard.step(first, only(memory, (likeliest + 1) % LOCATIONS), state)
    np.testing.assert_array_equal(again, looked)
    assert np.abs(other - logits).max(axis=1).min() > 1e-3


def near(count, share, number):
    """Whether a count among so many is what a share makes likely: four standard deviations at most from it."""
    return abs(count - share * number) < 4 * np.sqrt(share * (1 - share) * number)


def test_in_training_half_of_the_captions_see_the_mean_and_the_others_what_they_draw(
    hard, features
):
    """4,000 captions of a photo, which are asked for the same first word: their attention is the same there."""
    rows = 4000
    tokens = tf.constant([[2, 5, 6]] * rows)
    logits, attention, drawn = (tensor.numpy() for tensor in hard.explore(features[:1], tokens))
    np.testing.assert_allclose(attention[:, 0], np.tile(attention[0, 0], (rows, 1)), atol=1e-6)
    assert set(np.unique(drawn)) == {0, 1}
    draws = drawn.sum(axis=2).all(axis=1)
    np.testing.assert_array_equal(
        drawn.sum(axis=2), np.repeat(draws[:, None], 3, axis=1)
    )  # a caption does one or the other
    assert near(draws.sum(), 1 - lstm.EXPECTED_SHARE, rows)
    assert lstm.EXPECTED_SHARE == 0.5
    for place, share in enumerate(attention[0, 0]):
        assert near(drawn[draws, 0, place].sum(), share, draws.sum())
    again = (attention[:, 1] * drawn[:, 0]).sum(axis=1)[
        draws
    ]  # how likely the next word looks there too, drawn anew
    assert near((drawn[:, 0] * drawn[:, 1]).sum(), again.mean(), draws.sum())
    soft = small("lstm", dropout=0.0)
    for ours, theirs in zip(soft.weights, hard.weights, strict=True):
        ours.assign(theirs)
    mean, _ = soft(features[:1], tokens[:1])
    np.testing.assert_allclose(logits[~draws], np.tile(mean, ((~draws).sum(), 1, 1)), atol=1e-5)
    memory, state = hard.begin(tf.repeat(features[:1], 5, axis=0))
    for time in range(3):
        seen = only(memory, drawn[draws][:5, time].argmax(axis=1))
        step_logits, state, _ = hard.step(tokens[:5, time], seen, state)
        np.testing.assert_allclose(step_logits, logits[draws][:5, time], atol=1e-5)


def test_what_was_drawn_before_is_in_what_is_saved(features, tokens, tmp_path):
    """Without it a resumed training would draw anew what it drew."""
    decoder = small("lstm", attention="hard")
    assert any(variable is decoder.chance.state for variable in decoder.variables)
    decoder.explore(features, tokens)
    tf.train.CheckpointManager(make_checkpoint(decoder), str(tmp_path / "best"), 1).save()
    next_drawn, after_next = (decoder.explore(features, tokens)[2] for _ in range(2))
    assert np.abs(after_next - next_drawn).max() == 1
    load_weights(decoder, tmp_path / "best")
    np.testing.assert_array_equal(decoder.explore(features, tokens)[2], next_drawn)


def told(decoder, features, tokens, seeds):
    """Logits (P, T, V) along tokens (T,), the same for all photos, with what their seeds draw."""
    memory, state = decoder.begin(features, tf.constant(seeds))
    logits = []
    for token in tokens:
        each, state, _ = decoder.step(tf.repeat(token, len(features)), memory, state)
        logits.append(each)
    return tf.stack(logits, 1)


def test_where_a_photo_draws_is_told_by_its_own_seed(hard, features):
    words = tf.constant([2, 5, 6, 7, 8])
    together = told(hard, features, words, [7, 8, 9])
    np.testing.assert_allclose(told(hard, features[1:2], words, [8]), together[1:2], atol=1e-5)
    others = told(
        hard, tf.repeat(features[1:2], 20, axis=0), words, list(range(9, 29))
    )  # some by chance draw the same
    assert sum(np.abs(others.numpy() - together[1:2]).max(axis=(1, 2)) > 1e-3) > 10


def test_locations_are_drawn_by_their_attention(hard, features):
    """1,000 seeds of a photo: what each draws is told by the logits, which are those of one location alone."""
    photos, seeds = tf.repeat(features[:1], 1000, axis=0), tf.range(1000)

    @tf.function
    def first():
        memory, state = hard.begin(photos, seeds)
        return hard.step(tf.fill([1000], 2), memory, state)

    logits, _, looked = first()
    attention = asked(hard, features[:1])
    memory, state = hard.begin(tf.repeat(features[:1], LOCATIONS, axis=0))
    of_one, _, _ = hard.step(tf.fill([LOCATIONS], 2), only(memory, list(range(LOCATIONS))), state)
    distance = np.abs(logits.numpy()[:, None] - of_one.numpy()[None]).max(axis=2)
    np.testing.assert_allclose(distance.min(axis=1), 0, atol=1e-5)
    drawn = np.bincount(distance.argmin(axis=1), minlength=LOCATIONS)
    assert all(near(count, share, 1000) for count, share in zip(drawn, attention[0], strict=True))
    np.testing.assert_array_equal(
        looked, np.eye(LOCATIONS)[distance.argmin(axis=1)]
    )  # and told as attention


def test_a_search_draws_locations_where_it_is_asked_to(hard, features):
    rules = Rules(2, 3, (0, 1, 2), max_length=3, beam=1)
    likeliest, drawn = (
        compile_search(hard, rules, samples_locations=each) for each in (False, True)
    )
    logs = {
        seed: drawn(features, tf.constant([seed] * PHOTOS)).log_probability.numpy()
        for seed in (1, 2)
    }
    without = likeliest(features, tf.constant([1] * PHOTOS)).log_probability.numpy()
    for one, other in ((logs[1], logs[2]), (logs[1], without), (logs[2], without)):
        assert np.abs(one - other).max() > 1e-3
    mixed = drawn(features, tf.constant([1, 2, 1])).log_probability.numpy()
    np.testing.assert_allclose(mixed, [logs[1][0], logs[2][1], logs[1][2]], atol=1e-5)


def test_without_attention_the_photo_acts_at_the_start_alone(features):
    """Show and Tell: h₀, c₀ = LSTM(W mean(a), 0), worked out in NumPy. After that the photo is in the state alone."""
    decoder = small("lstm", attention="none")
    memory, state = decoder.begin(features)
    mean, (cell,) = features.numpy().mean(axis=1), decoder.cells
    told = mean @ decoder.glance.kernel.numpy() + decoder.glance.bias.numpy()
    enter, _, new, leave = np.split(told @ cell.kernel.numpy() + cell.bias.numpy(), 4, axis=1)

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    carried = sigmoid(enter) * np.tanh(new)
    (begun,) = state["layers"]
    np.testing.assert_allclose(begun[1], carried, atol=1e-5)
    np.testing.assert_allclose(begun[0], sigmoid(leave) * np.tanh(carried), atol=1e-5)
    words = tf.constant([2, 2, 2])
    logits, after, attention = decoder.step(words, memory, state)
    np.testing.assert_allclose(attention, 1 / LOCATIONS)
    others, _ = decoder.begin(features[::-1])
    np.testing.assert_array_equal(decoder.step(words, others, state)[0], logits)
    assert np.abs(logits[0] - logits[1]).max() > 1e-3  # which only the states tell apart
    again, _, _ = decoder.step(words, others, after)
    np.testing.assert_array_equal(decoder.step(words, memory, after)[0], again)


def test_the_luong_decoder_against_the_equations(features):
    """A GRU that begins with zeros and hears words alone, then attention by its state, the sum, its norm, the words; worked
    out in NumPy for two words."""
    decoder = small("luong")
    memory, state = decoder.begin(features)
    np.testing.assert_array_equal(state, np.zeros((PHOTOS, 16)))
    values = np.maximum(
        features.numpy() @ decoder.look.kernel.numpy() + decoder.look.bias.numpy(), 0
    )
    np.testing.assert_allclose(memory["values"], values, rtol=1e-5)
    kernel, inner, (bias, inner_bias) = (each.numpy() for each in decoder.cell.variables[:3])
    gain, shift = (variable.numpy() for variable in (decoder.norm.gamma, decoder.norm.beta))
    hidden = np.zeros((PHOTOS, 16))

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    for word in (2, 5):
        logits, state, attention = decoder.step(tf.fill([PHOTOS], word), memory, state)
        told = decoder.embed.embeddings.numpy()[word] @ kernel + bias
        keep, reset, new = np.split(told + hidden @ inner + inner_bias, 3, axis=1)
        remembered = (hidden @ inner + inner_bias)[:, 32:]
        new = np.tanh(told[32:] + sigmoid(reset) * remembered)
        hidden = sigmoid(keep) * hidden + (1 - sigmoid(keep)) * new
        np.testing.assert_allclose(state, hidden, atol=1e-5)
        scores = np.einsum("pu,plu->pl", hidden, values)
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(attention, weights, rtol=1e-4)
        both = hidden + np.einsum("pl,plu->pu", weights, values)
        normed = (both - both.mean(axis=1, keepdims=True)) / np.sqrt(
            both.var(axis=1, keepdims=True) + decoder.norm.epsilon
        )
        wanted = (normed * gain + shift) @ decoder.words.kernel.numpy() + decoder.words.bias.numpy()
        np.testing.assert_allclose(logits, wanted, atol=1e-4)


def test_what_the_luong_decoder_sees_does_not_change_what_it_remembers(features):
    """Of two photos the states after the same words are one; only what is said differs."""
    decoder = small("luong")
    memory, state = decoder.begin(features)
    for word in (2, 5, 7):
        logits, state, _ = decoder.step(tf.fill([PHOTOS], word), memory, state)
    np.testing.assert_array_equal(state, np.tile(state[:1], (PHOTOS, 1)))
    assert np.abs(state).max() > 0
    assert np.abs(logits[0] - logits[1]).max() > 1e-3


@pytest.mark.parametrize(("kind", "same"), [("normalised", True), ("raw", False)])
def test_how_strong_a_location_s_features_are_tells_nothing_where_they_are_normalised(
    kind, same, features, tokens
):
    decoder = shared(features=kind)
    stronger = (
        100
        * features
        * tf.constant(np.random.default_rng(2).uniform(1, 3, (PHOTOS, LOCATIONS, 1)), tf.float32)
    )
    assert (
        np.allclose(decoder(stronger, tokens)[0], decoder(100 * features, tokens)[0], atol=1e-3)
        == same
    )
