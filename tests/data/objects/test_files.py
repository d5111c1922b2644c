"""What photos show, as files say it."""

import json

import pytest

from data.objects.files import check_objects, find_files, read_objects
from utils.errors import UserError

INSTANCES = {
    "info": {},
    "images": [
        {"id": 1, "file_name": "a.jpg"},
        {"id": 2, "file_name": "b.jpg"},
        {"id": 3, "file_name": "c.jpg"},
    ],
    "annotations": [
        {"image_id": 1, "category_id": 18, "segmentation": [[1.5, 2.5]], "bbox": [0, 0, 1, 1]},
        {"image_id": 1, "category_id": 1},
        {"image_id": 2, "category_id": 18},
        {"image_id": 1, "category_id": 18},
    ],
    "categories": [
        {"id": 1, "name": "person"},
        {"id": 18, "name": "dog"},
        {"id": 17, "name": "cat"},
    ],
}


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, str):
        content = json.dumps(content)
    file.write_text(content, encoding="utf-8")
    return file


def test_coco_s_instances_are_read(tmp_path):
    file = write(tmp_path / "annotations/instances_val2017.json", INSTANCES)
    known = read_objects([file], ["val2017/a.jpg"], tmp_path)
    assert known.names == {"person", "dog", "cat"}
    assert known.find("val2017/a.jpg") == {"person", "dog"}
    assert known.find("c.jpg") == set()
    assert known.find("d.jpg") is None


def test_no_more_files_are_read_than_the_photos_need(tmp_path):
    first = write(tmp_path / "instances_val.json", INSTANCES)
    second = tmp_path / "instances_train.json"  # does not exist
    assert read_objects([first, second], ["a.jpg", "c.jpg"], tmp_path).find("a.jpg")


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_a_table_may_have_a_column_of_objects(tmp_path, separator):
    objects = f" {separator} ".join(["Puppies", "red ball", ""])
    content = f'photo,caption,objects\nx/a.jpg,A dog.,"{objects}"\nx/a.jpg,Two.,man\nb.jpg,No.,\n'
    file = write(tmp_path / "captions.csv", content)
    known = read_objects([file], [], tmp_path)
    assert known.photos == {"x/a.jpg": {"dog", "red ball", "person"}, "b.jpg": set()}
    assert known.names == {"dog", "red ball", "person"}


@pytest.mark.parametrize("is_list", [False, True])
def test_json_lines_may_have_a_list_of_objects(tmp_path, is_list):
    rows = [
        {"photo": "a.jpg", "caption": "A dog.", "objects": ["dog", "ball"]},
        {"photo": "b.jpg", "caption": "Nothing."},
    ]
    content = json.dumps(rows) if is_list else "\n".join(map(json.dumps, rows))
    file = write(tmp_path / ("captions.json" if is_list else "captions.jsonl"), content)
    known = read_objects([file], [], tmp_path)
    assert known.photos == {"a.jpg": {"dog", "sports ball"}}


def test_photos_of_the_same_name_in_two_folders_stay_apart(tmp_path):
    for split, name in (("train", "dog"), ("test", "cat")):
        content = f"file_name,text,objects\na.jpg,Something.,{name}\n"
        write(tmp_path / split / "metadata.csv", content)
    known = read_objects(find_files(tmp_path), ["train/a.jpg", "test/a.jpg"], tmp_path)
    assert known.find("train/a.jpg") == {"dog"}
    assert known.find("test/a.jpg") == {"cat"}


def test_a_captions_file_without_objects_says_nothing(tmp_path):
    file = write(tmp_path / "captions.csv", "photo,caption\na.jpg,A dog.\n")
    known = read_objects(find_files(file), ["a.jpg"], tmp_path)
    assert (known.names, known.photos) == (set(), {})


def test_files_of_objects_are_found_beside_the_captions(tmp_path):
    captions = write(tmp_path / "annotations/captions_val2017.json", {"images": []})
    assert find_files(captions) == []
    larger = write(tmp_path / "annotations/instances_train2017.json", INSTANCES | {"info": "long"})
    twin = write(tmp_path / "annotations/instances_val2017.json", INSTANCES)
    assert find_files(captions) == [twin]
    assert find_files(tmp_path) == [twin, larger]


def test_a_karpathy_folder_has_instances_too(tmp_path):
    write(tmp_path / "dataset_coco.json", {"images": [{"sentences": []}]})
    file = write(tmp_path / "annotations/instances_val2014.json", INSTANCES)
    assert find_files(tmp_path) == [file]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"images": [], "annotations": []}, "lists images, annotations, categories"),
        (INSTANCES | {"images": []}, r"missing: 1\)"),
        (INSTANCES | {"categories": [{"id": 1}]}, r"missing: 'name'\)"),
        ('{"images": [', "broken JSON"),
    ],
)
def test_damaged_instances_are_named(tmp_path, content, message):
    file = write(tmp_path / "instances_val.json", content)
    with pytest.raises(UserError, match=rf"instances_val\.json.*{message}"):
        read_objects([file], ["a.jpg"], tmp_path)


@pytest.mark.parametrize(
    "row", [{"photo": "a.jpg", "objects": "dog"}, {"objects": ["dog"]}, {"photo": 1, "objects": []}]
)
def test_objects_that_are_no_list_are_named_by_line(tmp_path, row):
    file = write(tmp_path / "captions.jsonl", "\n" + json.dumps(row))
    with pytest.raises(UserError, match=r"captions\.jsonl, line 2: .*objects"):
        read_objects([file], ["a.jpg"], tmp_path)


def test_a_short_row_of_a_table_is_named_by_line(tmp_path):
    file = write(tmp_path / "captions.csv", "photo,caption,objects\na.jpg,A dog.\n")
    with pytest.raises(UserError, match=r"line 2: 2 columns where the header has 3"):
        read_objects([file], ["a.jpg"], tmp_path)


def test_the_option_takes_files_and_references(tmp_path):
    check_objects("references")
    check_objects(str(write(tmp_path / "instances_val.json", INSTANCES)))
    check_objects(str(write(tmp_path / "objects.csv", "photo,objects\na.jpg,dog\n")))


@pytest.mark.parametrize("name", ["missing.json", "notes.txt", "."])
def test_the_option_rejects_other_files_by_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "notes.txt", "dog")
    with pytest.raises(UserError, match=r"^--objects "):
        check_objects(name)
