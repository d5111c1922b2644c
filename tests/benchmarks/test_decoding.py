"""The benchmark of captions a second."""

import numpy as np
import pytest

from benchmarks import decoding


@pytest.mark.slow
def test_decoding_at_toy_size(
    tmp_path, in_this_process, uncompiled, small_tutorial, toy_options, monkeypatch
):
    """Captions have three words."""
    monkeypatch.setattr(decoding, "WORDS", 3)
    figures = decoding.run(tmp_path, toy_options)
    parts = figures["decoding"]
    numbers = {"tutorial": (2, 6), "greedy": (3, 9), "beam 3": (3, 9)}
    for name, (captions, words) in numbers.items():
        assert (parts[name]["captions"], parts[name]["words"]) == (captions, words)
    one_photo = parts["one photo"]
    assert one_photo["words"] == 3
    assert one_photo["attention"] == (3, 4)
    assert len(one_photo["turns"]) == 2
    greedy, tutorial = parts["greedy"], parts["tutorial"]
    greedy_speed = greedy["captions"] / greedy["seconds"]
    tutorial_speed = tutorial["captions"] / tutorial["seconds"]
    assert figures["decoding_ratio"] == greedy_speed / tutorial_speed
    assert figures["beam3_over_greedy"] == parts["beam 3"]["seconds"] / greedy["seconds"]
    assert figures["one_photo_seconds"] == np.median(one_photo["turns"])
    figures |= {"decoding_ratio": 50.0, "beam3_over_greedy": 3.01, "one_photo_seconds": 0.1499}
    rows = decoding.make_rows(figures)
    assert [row.is_met for row in rows] == [None, True, False, True]
    assert rows[-1].measured == "150 ms"
