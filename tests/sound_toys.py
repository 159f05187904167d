"""Small recordings for tests."""

from pathlib import Path

import numpy as np
import soundfile


def tone(hz, seconds=0.2, rate=8000, seed=0):
    """(samples,) float32: a tone in a little noise."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(time))
    return (0.4 * np.sin(2 * np.pi * hz * time) + 0.02 * noise).astype(np.float32)


def record(file: Path, samples=None, rate=8000, **kinds) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, tone(500) if samples is None else samples, rate, **kinds)
    return file


def two_classes(root: Path, each=12, suffix=".wav"):
    """A folder for each of two classes, recordings of unequal lengths."""
    for number in range(each):
        for label, hz in (("high", 1500), ("low", 300)):
            samples = tone(hz, seconds=0.05 + 0.01 * number, seed=number)
            record(root / label / f"{number}{suffix}", samples)
    return root


def spoken_names(root: Path):
    """Names that hold class, speaker and number."""
    for label in ("yes", "no"):
        for speaker in ("ann", "bob", "cid"):
            for number in range(4):
                record(root / f"{label}_{speaker}_{number}.wav", tone(300 if label == "no" else 900, 0.06))
    return root


def sphere(file: Path, samples=None, *, count=True, coding="pcm") -> Path:
    """NIST SPHERE, as TIMIT comes in."""
    samples = tone(500) if samples is None else samples
    fields = ["channel_count -i 1", "sample_rate -i 8000", "sample_n_bytes -i 2", "sample_byte_format -s2 01"]
    fields += [f"sample_coding -s{len(coding)} {coding}"] + [f"sample_count -i {len(samples)}"] * count
    head = "\n".join(["NIST_1A", "   1024", *fields, "end_head", ""]).encode().ljust(1024)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(head + (samples * 32767).astype("<i2").tobytes())
    return file


def tagged(file: Path, size=300) -> Path:
    """An ID3 tag in front of what a file holds."""
    head = b"ID3\x03\0\0" + bytes([0, 0, size >> 7, size & 127]) + bytes(size)
    file.write_bytes(head + file.read_bytes())
    return file


def aac(file: Path, samples=None) -> Path:
    """Sound in an MPEG-4 file, as telephones record it."""
    import av

    samples = tone(500, 0.5) if samples is None else samples
    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(file), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = 8000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file


def cut(file: Path, share=0.5) -> Path:
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    return file


def short_tones(root: Path, count=21):
    """Recordings of a few samples, of unequal lengths."""
    for number in range(count):
        record(root / f"{number:02}.wav", tone(500, 0.003 + 0.0005 * (number % 4), seed=number))
    return root


def speech_commands(root: Path, each=12):
    """As torchaudio lays out Speech Commands: of each word, the last but one validates and the last tests."""
    folder = root / "SpeechCommands" / "speech_commands_v0.02"
    for word in ("yes", "no"):
        for number in range(each):
            record(folder / word / f"s{number}_nohash_0.wav", tone(500, 0.05 + 0.01 * number))
    record(folder / "_background_noise_" / "noise.wav")
    for name, number in (("validation", each - 2), ("testing", each - 1)):
        lines = [f"{word}/s{number}_nohash_0.wav\n" for word in ("yes", "no")]
        (folder / f"{name}_list.txt").write_text("".join(lines))
    return root


def as_if_spoken(data) -> None:
    """Tones where the synthesiser would leave what it said."""
    for number in range(len(data.words) * len(data.voices) * len(data.paces) * len(data.pitches)):
        record(data.folder / f"{number}.wav", tone(500, 0.05 + 0.01 * (number % 5)))


def spoken_digits(root: Path):
    """Named as the Free Spoken Digits are: two digits, six speakers, indexes 0 to 11."""
    samples = tone(500, 0.06)
    for digit in range(2):
        for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"):
            for index in range(12):
                record(root / f"{digit}_{speaker}_{index}.wav", samples)
    return root
