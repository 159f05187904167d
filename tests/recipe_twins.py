"""A strategy whose short name is taken, and one that no other module imports."""

from recipe_toys import Strategy


class Twin(Strategy):
    def losses(self): ...


class ThirdParty(Strategy):
    def __init__(self, *, depth: int = 2) -> None:
        self.depth = depth

    def losses(self): ...
