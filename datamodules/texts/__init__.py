"""From text to ids: alphabets, vocabularies, and ids that are read as they are needed."""
