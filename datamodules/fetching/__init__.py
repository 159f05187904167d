"""The standard sets: fetched once, verified, unpacked."""
