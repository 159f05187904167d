"""ImageCaptions: pictures in files and what they show, in words."""

from __future__ import annotations

from torch import Tensor

from datamodules.collecting import Batching, Partition
from datamodules.collecting.captions import Unit
from datamodules.collecting.file_captions import FileCaptions
from datamodules.pictures.size import Size
from datamodules.pictures.stills import Stills


class ImageCaptions(FileCaptions):
    """Describe a picture: one-to-many.

    The picture, (height width channels,) in [0, 1], is the context; x is BOS and the caption, y the caption
    and EOS, all steps scored. Words or characters that training does not have are one unknown token id.

    Args:
        path: a CSV or TSV table with the columns path and caption, perhaps part and others. A picture may
            have several captions; all are in one part.
        folder: that paths are relative to, inside the table's own, such as images; null: its own.
        size: what every picture is stretched to, and its colours.
        unit: a step of a caption is one of its words or characters.
        skip_bad: leave out and count pictures that cannot be used, at most half or the share that is given;
            all are then decoded before training.
        split: which pictures train, validate and test.
        batching: which captions share a batch.

    Raises:
        ValueError: for a value out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        folder: str | None = None,
        size: Size = Size(),
        unit: Unit = "words",
        skip_bad: bool | float = False,
        split: Partition = Partition(),
        batching: Batching = Batching(),
    ) -> None:
        medium = Stills(size, decode=bool(skip_bad))
        super().__init__(
            path=path,
            medium=medium,
            unit=unit,
            skip_bad=skip_bad,
            split=split,
            batching=batching,
            folder=folder,
        )

    def picture(self, context: Tensor) -> Tensor:
        """(height, width) or (height, width, 3), the picture of one row."""
        return context.view(self.medium.size.shape).squeeze(2)
