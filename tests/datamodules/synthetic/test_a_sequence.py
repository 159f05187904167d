from datamodules.synthetic import ASequence


def test_the_characters():
    data = ASequence(batch_size=2)
    batch = data.train_dataloader().batch(4)
    assert [data.alphabet.decode(row) for row in batch.x] == ["a_sequenc"] * 2
    assert [data.alphabet.decode(row) for row in batch.y] == ["_sequence"] * 2
    assert data.alphabet.decode(batch.x[0, [2, 5]]) == "su"  # steps 3 and 6, counted from 1
    assert data.input_size == data.output_size == 9
    assert batch.scored.all()
