"""Small pictures and videos in a folder, known to the last pixel."""

import numpy as np
from PIL import Image

WORDS = ("dark", "bright")


def pixels(*shape, seed=0):
    """Some uint8 pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save_picture(path, array=None, **options):
    """Write an array (H, W) or (H, W, 3) as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(3, 5) if array is None else array).save(path, **options)
    return path


def image_folder(folder, each=12):
    """`each` pictures of 3 x 5 pixels in folders a and b."""
    for number, name in enumerate(sorted(["a", "b"] * each)):
        save_picture(folder / name / f"{number}.png", pixels(3, 5, seed=number))
    return folder


def write_table(path, header, rows):
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def caption_table(folder, count=24):
    """Pictures, and captions of 2 to 4 words about them."""
    image_folder(folder, each=count // 2)
    names = sorted(folder.glob("*/*.png"), key=lambda path: int(path.stem))
    rows = [
        f"{path.relative_to(folder).as_posix()},{'very ' * (number % 3)}{WORDS[number % 2]} picture"
        for number, path in enumerate(names)
    ]
    return write_table(folder / "captions.csv", "path,caption", rows)


def video_folder(folder, each=12):
    """Videos of 1 to 4 frames of 3 x 5 pixels in folders a and b, every third one an array."""
    for number, name in enumerate(sorted(["a", "b"] * each)):
        frames = pixels(1 + number % 4, 3, 5, seed=number)
        if number % 3:
            for place, frame in enumerate(frames):
                save_picture(folder / name / f"{number}" / f"frame_{place}.png", frame)
        else:
            (folder / name).mkdir(parents=True, exist_ok=True)
            np.save(folder / name / f"{number}.npy", frames)
    return folder


def video_table(folder, count=24):
    """Videos, and captions of 2 to 4 words about them."""
    video_folder(folder, each=count // 2)
    videos = sorted((path for path in folder.glob("?/*")), key=lambda path: int(path.stem))
    rows = [
        f"{path.relative_to(folder).as_posix()},{'very ' * (number % 3)}{WORDS[number % 2]} video"
        for number, path in enumerate(videos)
    ]
    return write_table(folder / "captions.csv", "path,caption", rows)
