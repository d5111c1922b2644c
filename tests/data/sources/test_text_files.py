"""Text and JSON are read, or refused with the file and the line."""

import pytest

from data.sources.text_files import read_json, read_lines
from tests.helpers.datasets import get_error, write_files, write_sample
from utils.errors import UserError


@pytest.mark.parametrize(
    "text",
    ["한 줄\n\n  \n둘째 줄 ", "\ufeff한 줄\r\n\r\n\t\r\n둘째 줄 \r\n", "한 줄\r\r \r둘째 줄 \r"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lines_are_numbered_and_have_no_marks_or_breaks(tmp_path, text, encoding):
    file = tmp_path / "a.txt"
    file.write_bytes(text.removeprefix("\ufeff" * (encoding == "utf-16")).encode(encoding))
    assert list(read_lines(file)) == [
        (f"{file}, line 1", "한 줄"),
        (f"{file}, line 4", "둘째 줄 "),
    ]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("one\ntwo é .\n".encode("latin-1"), 2, "invalid continuation byte"),
        ("하나\n".encode("cp949"), 1, "invalid continuation byte"),
        (b"a line\n" * 5000 + b"\xff\n", 5001, "invalid start byte"),
        (b"one\n\xed\x95", 2, "unexpected end of data"),
    ],
)
def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path, content, line, reason):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(read_lines(tmp_path / "a.txt"))
    assert str(caught.value) == (
        f"{tmp_path}/a.txt, line {line}: not UTF-8 text ({reason}); save the file as UTF-8 (it may "
        "be Windows-1252 or, in Korean, CP949 now)"
    )


@pytest.mark.parametrize("name", ["coco", "karpathy", "aihub"])
def test_truncated_json_is_refused_with_its_line(tmp_path, name):
    _, file = write_sample(tmp_path, name, lambda text: text[: text.index("A café") + 3])
    lines = file.read_text().count("\n") + 1
    assert lines > 10
    assert get_error(tmp_path).startswith(
        f"{file}, line {lines}: broken JSON (Unterminated string starting at, column "
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"images": [\n{"id": 1},\n{"id": 2',
            ", line 3: broken JSON (Expecting ',' delimiter, column 9); is the file complete?",
        ),
        ("", ", line 1: broken JSON (Expecting value, column 1); is the file complete?"),
        ("{}\n{}", ", line 2: broken JSON (Extra data, column 1); is the file complete?"),
        ("[" * 100_000, ", line 1: JSON nested too deep for captions"),
    ],
)
def test_broken_json_is_refused_with_its_line(tmp_path, text, expected):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(tmp_path / "a.json")
    assert str(caught.value) == f"{tmp_path}/a.json{expected}"


def test_a_number_too_long_for_python_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(f'{{"id": {"1" * 5000}}}')
    with pytest.raises(
        UserError, match=r"/a\.json, line 1: broken JSON \(Exceeds the limit \(4300 digits\)"
    ):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("annotations/captions_train2017.json", ""),
        ("dataset_coco.json", " \n"),
        ("MSCOCO_train_val_Korean.json", ""),
    ],
)
def test_an_empty_download_is_refused_as_broken(tmp_path, name, content):
    write_files(tmp_path, "a.jpg", files={name: content})
    assert get_error(tmp_path).startswith(f"{tmp_path}/{name}, line ")
    assert "broken JSON (Expecting value" in get_error(tmp_path)
