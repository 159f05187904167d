"""Raw data from a pipe, as steps: characters, rows of numbers, samples of sound."""

from datamodules.live.characters import Characters
from datamodules.live.reader import BLANK, LINE, NEVER, Reader, Stretch
from datamodules.live.rows import Ids, Rows
from datamodules.live.samples import Samples
from datamodules.live.words import RawBytes, Sentences, Words

__all__ = [
    "BLANK",
    "LINE",
    "NEVER",
    "Characters",
    "Ids",
    "RawBytes",
    "Reader",
    "Rows",
    "Samples",
    "Sentences",
    "Stretch",
    "Words",
]
