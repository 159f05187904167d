"""Speech from text, by the eSpeak NG library of the extra `speech`."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np

from elman.errors import BadInput

RETRIEVE, DO_NOT_EXIT = 1, 0x8000
RATE, PITCH = 1, 3
UTF_8 = 1
_HELD: list[Any] = []  # the library itself holds no reference to what it calls
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(text: str, *, voice: str, words_a_minute: int, pitch: int) -> tuple[np.ndarray, int]:
    """(samples,) int16 of `text` as speech, and the sample rate in Hz.

    Args:
        text: to speak.
        voice: of eSpeak, such as en-us; a variant may follow, such as en-us+f2.
        words_a_minute: 80 to 450.
        pitch: 0 to 99.

    Raises:
        BadInput: without the extra, or for a voice that it does not have.

    Source: speak_lib.h of espeak-ng 1.52 (espeak_Synth with AUDIO_OUTPUT_RETRIEVAL).
    """
    library, rate, received = _library()
    if library.espeak_SetVoiceByName(voice.encode()):
        raise BadInput(
            f"voices: eSpeak has no voice {voice!r}; name one such as en-us, en-gb-x-rp or en-us+f2"
        )
    library.espeak_SetParameter(RATE, words_a_minute, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    received.clear()
    data = text.encode()
    failed = library.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF_8, None, None)
    library.espeak_Synchronize()
    if failed or not received:
        raise BadInput(f"words: eSpeak cannot speak {text!r}; take it out")
    return np.concatenate(received), rate


@lru_cache(maxsize=1)
def _library() -> tuple[Any, int, list[np.ndarray]]:
    """The library, its sample rate, and where it puts samples; it keeps one state for the process."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise BadInput(
            "speech is made by eSpeak NG, which is not installed: pip install 'elman[speech]'"
        ) from error
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        rate = library.espeak_Initialize(RETRIEVE, 0, espeakng_loader.get_data_path().encode(), DO_NOT_EXIT)
    except (OSError, RuntimeError) as error:
        raise BadInput(f"speech: eSpeak NG cannot be loaded ({error}); install elman[speech] anew") from error
    if rate <= 0:
        raise BadInput("speech: eSpeak NG does not find its voices; install elman[speech] anew")
    received: list[np.ndarray] = []

    @Callback
    def receive(samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            received.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(receive)
    _HELD.append(receive)
    return library, rate, received
