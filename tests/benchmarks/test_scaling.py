"""The benchmark of more photos."""

import pytest

from benchmarks import scaling, synthetic_data, training


def test_sizes_are_timed_upwards_and_downwards(monkeypatch):
    order = []
    clock = iter([0, 2, 2, 10, 10, 42, 42, 54, 54, 55])
    monkeypatch.setattr(scaling.time, "perf_counter", lambda: next(clock))
    figures = scaling.time_sizes([1, 2, 4], order.append)
    assert order == [1, 2, 4, 2, 1]
    assert figures == {"photos": [1, 2, 4], "a_photo": [1.5, 5.0, 8.0]}
    assert scaling.compute_deviation([2.0, 2.1, 1.7]) == pytest.approx(0.15)


def test_an_epoch_repeats_and_has_each_shape():
    sizes = training.Sizes(photos=60, side=1, depth=2, vocabulary=30, batch=10)
    batches = training.make_batches(sizes)
    whole = synthetic_data.RepeatedEpoch(batches, batches.steps)
    start = synthetic_data.RepeatedEpoch(batches, 4)

    def list_tokens(epoch, number):
        return [tokens.tolist() for _, tokens in epoch.epoch(number)]

    assert list_tokens(start, 0) == list_tokens(start, 1) == list_tokens(whole, 0)[:4]
    shapes = [tokens.shape for _, tokens in scaling.FirstOfEachShape(whole).epoch(0)]
    assert sorted(shapes) == sorted({tokens.shape for _, tokens in whole.epoch(0)})
    assert 2 < len(shapes) < batches.steps


@pytest.mark.slow
def test_scaling_at_toy_size(tmp_path, in_this_process, uncompiled, toy_options):
    figures = scaling.run(tmp_path, toy_options)
    for name, part in figures["scaling"].items():
        assert part["photos"] == [2, 4]
        few, many = part["a_photo"]
        assert figures[f"{name}_linearity"] == abs(many / few - 1)
    links = sorted(file.name for file in (tmp_path / "names").iterdir())
    assert links == [f"00000{number}.jpg" for number in range(4)]
    assert (tmp_path / "names/000003.jpg").samefile(tmp_path / "photos/000001.jpg")
    figures["scaling"]["extraction"]["a_photo"] = [0.010, 0.0111]
    figures["extraction_linearity"] = 0.11
    row = scaling.make_rows(figures)[0]
    assert row.name == "extraction, milliseconds a photo of 2 / 4"
    assert (row.measured, row.is_met) == ("10.00 / 11.10: 11.0% apart", False)
