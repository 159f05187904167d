"""Forty labelled texts, and every form in which they can lie on a disk."""

import json

import pyarrow
import pyarrow.parquet
import pytest

from datamodules.collecting.partition import Partition
from datamodules.labelled_text import LabelledText
from elman.errors import BadInput

SHARES = Partition(shares=(0.6, 0.2, 0.2))
GOOD, BAD = "word number {} is good", "word number {} is bad"
TEXTS = [(form.format(i), name) for i in range(20) for form, name in ((GOOD, "pos"), (BAD, "neg"))]


def ready(path, **options):
    data = LabelledText(path=str(path), **{"split": SHARES, "min_count": 1, **options})
    data.setup("fit")
    return data


def written(path, lines, end="\n"):
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def found(data):
    """Text of the example -> its class, as the loaders give them."""
    said = {}
    for part in ("train", "val", "test"):
        loader = data.loader(part)
        for index in range(loader.length or 2):
            batch = loader.batch(index)
            for row, length in enumerate(batch.lengths.tolist()):
                assert batch.scored[row].nonzero().flatten().tolist() == [length - 1]
                text = data.vocabulary.decode(batch.x[row, :length])
                said[text] = data.classes[int(batch.y[row, length - 1])]
    return said


def refused(path, said, **options):
    with pytest.raises(BadInput, match=said) as caught:
        ready(path, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def table(path, rows, names=("review", "sentiment"), join=","):
    return written(path, [join.join(row) for row in ([names, *rows] if names else rows)])


# Every form of the same 40 texts


def as_csv(folder):
    return table(folder / "a.csv", TEXTS), {}


def as_csv_without_header(folder):
    return table(folder / "a.csv", [(label, text) for text, label in TEXTS], names=None), {}


def as_csv_with_unusual_names(folder):
    return table(folder / "a.csv", TEXTS, names=("what", "polarity")), {}


def as_csv_by_name(folder):
    rows = [(str(i), text, label) for i, (text, label) in enumerate(TEXTS)]
    return table(folder / "a.csv", rows, names=("id", "a", "b")), {"text": "a", "label": "b"}


def as_csv_by_number(folder):
    rows = [(str(i), text, label) for i, (text, label) in enumerate(TEXTS)]
    return table(folder / "a.csv", rows, names=None), {"text": 1, "label": 2}


def as_quoted_csv(folder):
    rows = [(f'"{text}"', f' "{label}"'.strip()) for text, label in TEXTS]
    return written(folder / "a.csv", [",".join(row) for row in [("text", "label"), *rows]], end="\r\n"), {}


def as_tsv(folder):
    return table(folder / "a.tsv", TEXTS, join="\t"), {}


def as_anything_with_a_delimiter(folder):
    return table(folder / "a.txt", TEXTS, join="|"), {"delimiter": "|"}


def as_csv_with_a_byte_order_mark(folder):
    path = table(folder / "a.csv", TEXTS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return path, {"text": "review", "label": "sentiment"}


def as_json_lines(folder):
    rows = [json.dumps({"label": label, "stars": 3, "text": text}) for text, label in TEXTS]
    return written(folder / "a.jsonl", rows), {}


def as_parquet(folder):
    texts, labels = zip(*TEXTS, strict=True)
    columns = pyarrow.table({"text": texts, "label": pyarrow.array(labels).dictionary_encode()})
    pyarrow.parquet.write_table(columns, folder / "a.parquet")
    return folder / "a.parquet", {}


def as_a_file_for_each_class(folder):
    for name in ("pos", "neg"):
        written(folder / f"reviews.{name}", [text for text, label in TEXTS if label == name])
    (folder / "README").write_text("about")
    return folder, {}


def as_text_files_named_by_class(folder):
    for name in ("pos", "neg"):
        written(folder / f"{name}.txt", [text for text, label in TEXTS if label == name])
    (folder / "notes.md").write_text("about")
    return folder, {}


def as_a_folder_for_each_class(folder):
    for number, (text, label) in enumerate(TEXTS):
        (folder / label / "inner").mkdir(parents=True, exist_ok=True)
        (folder / label / "inner" / f"{number}.txt").write_text(text)
    (folder / "urls.txt").write_text("about")
    return folder, {}


def as_the_only_table_of_a_folder(folder):
    return as_csv(folder)[0].parent, {}


FORMS = [value for name, value in list(globals().items()) if name.startswith("as_")]
