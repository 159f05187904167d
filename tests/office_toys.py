"""Tables as offices write them, and following the way out that a message names."""

import re

import yaml

from datamodules.collecting.partition import Partition
from datamodules.table import Table

SHARES = Partition(shares=(0.6, 0.2, 0.2))
VALUES = [20.5, 1801.25, -3.75, 0.125, 1234567.5, 999.5, 12.0, -4321.0, 7.25, 88.5, 1000.0, 3.5]


def office_table(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return str(path)


def ready(path, **options):
    data = Table(path=str(path), **{"target": "v", "split": SHARES, "warmup": 2, **options})
    data.setup("fit")
    return data


def targets(data, series=0, column=0):
    return data.read.series[series].targets[:, column].tolist()


def options_named(message):
    """The options that a message names in its first way out, with their values as YAML reads them."""
    first = message.split(" or data.")[0]
    return {
        name: yaml.safe_load(value) for name, value in re.findall(r"data\.(\w+)=('.'|\".\"|[^\s;,)]+)", first)
    }
