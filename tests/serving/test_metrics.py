"""What the server counts, as Prometheus reads it."""

import re

from serving.metrics import Counter, Gauge, Histogram, Metrics


def render(metric):
    return list(metric.render())


def test_a_counter_has_a_line_for_each_value_of_its_labels():
    counter = Counter("a_total", "Things.", "kind", "status")
    counter.add("x", "200")
    counter.add("x", "200")
    counter.add("x", "404", number=3)
    assert render(counter) == [
        "# HELP a_total Things.",
        "# TYPE a_total counter",
        'a_total{kind="x",status="200"} 2',
        'a_total{kind="x",status="404"} 3',
    ]


def test_a_histogram_counts_values_up_to_each_bound():
    histogram = Histogram("seconds", "Time.", (0.5, 1.0))
    for value in (0.25, 0.5, 0.75, 4):
        histogram.observe(value)
    assert render(histogram)[2:] == [
        'seconds_bucket{le="0.5"} 2',
        'seconds_bucket{le="1"} 3',
        'seconds_bucket{le="+Inf"} 4',
        "seconds_sum 5.5",
        "seconds_count 4",
    ]


def test_a_gauge_is_looked_up_each_time():
    values = iter([1, 2.5])
    gauge = Gauge("now", "Now.", lambda: next(values))
    assert render(gauge)[2] == "now 1"
    assert render(gauge)[2] == "now 2.5"


def test_labels_are_escaped():
    gauge = Gauge("info", "Info.", lambda: 1, model='a"b\\c\nd')
    assert render(gauge)[2] == 'info{model="a\\"b\\\\c\\nd"} 1'


def test_large_numbers_keep_their_digits():
    counter = Counter("a_total", "Things.")
    counter.add(number=123_456_789)
    assert render(counter)[2] == "a_total 123456789"


def test_every_line_has_the_form_that_prometheus_reads():
    metrics = Metrics()
    metrics.requests.add("/v1/caption", "200")
    metrics.seconds.observe(0.2, "/v1/caption")
    metrics.photos.add("answered")
    metrics.batches.observe(3)
    text = metrics.render()
    assert text.endswith("\n")
    names = set()
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP|TYPE) [a-z_]+ .+", line)
        else:
            assert re.fullmatch(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [-+.e\d]+', line), line
        names.add(re.search(r"[a-z_]+_[a-z_]+", line)[0])
    assert {"captions_requests_total", "captions_batch_photos_bucket"} < names
    assert "process_resident_memory_bytes" in names
