from elman.tracking.note import described, run_note

PLAIN = {
    "command": "elman fit a.yaml",
    "core": "LSTM(hidden_size=64)",
    "strategy": "Truncated(k1=10, k2=40)",
    "budget": "2,000,000 time steps",
    "data": {"characters": 1_115_394, "split": [0.9, 0.1]},
}


def test_a_note_in_full():
    note = run_note(question="Why?", results={"val/bits_per_step": 2.14159265, "updates": 4000}, **PLAIN)
    assert note == (
        "Why?\n\n```\nelman fit a.yaml\n```\n\n"
        "| result | |\n| --- | --- |\n| val/bits_per_step | 2.14159 |\n| updates | 4,000 |\n\n"
        "| set-up | |\n| --- | --- |\n| core | `LSTM(hidden_size=64)` |\n"
        "| strategy | `Truncated(k1=10, k2=40)` |\n| budget | 2,000,000 time steps |\n\n"
        "| data | |\n| --- | --- |\n| characters | 1,115,394 |\n| split | `[0.9, 0.1]` |"
    )


def test_a_long_question_gives_way_to_the_result():
    note = run_note(question="why " * 5000, results={"val/loss": 1.25}, **PLAIN)
    assert len(note) <= 8000
    assert "| val/loss | 1.25 |" in note
    assert note.endswith("| split | `[0.9, 0.1]` |")


def test_a_note_never_exceeds_its_limit():
    data = {f"key{i}": "v" * 400 for i in range(100)}
    assert len(run_note(question="q" * 9000, results={"a": 1}, **{**PLAIN, "data": data})) <= 8000


def test_described():
    assert described("elman.bptt.Truncated", {"k1": 10, "k2": 40}) == "Truncated(k1=10, k2=40)"
    assert described("elman.bptt.Full") == "Full()"
