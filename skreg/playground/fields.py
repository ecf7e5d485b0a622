"""How the page's settings are written as text, in the URL and in its messages, and read back."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One word of several."""

    options: tuple[str, ...]

    def read(self, text):
        """The word, if it is one of them."""
        if text not in self.options:
            raise ValueError(f"one of {', '.join(self.options)}")
        return text

    def write(self, value):
        """The word."""
        return value


@dataclass(frozen=True)
class Number:
    """A number in a range; ``options`` are those that the page offers, others are read as well."""

    low: float
    high: float
    options: tuple[float, ...] = ()
    whole: bool = False

    def read(self, text):
        """The number, an int if it must be whole."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high or (self.whole and not value.is_integer()):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"{kind} from {self.low:g} to {self.high:g}")
        return int(value) if self.whole else value

    def write(self, value):
        """Digits enough to read the same number."""
        return repr(value).removesuffix(".0")


@dataclass(frozen=True)
class Flag:
    """0 or 1."""

    def read(self, text):
        """False or True."""
        if text not in ("0", "1"):
            raise ValueError("0 or 1")
        return text == "1"

    def write(self, value):
        """0 or 1."""
        return str(int(value))


@dataclass(frozen=True)
class Subset:
    """Some of the words, at least one, joined by commas; kept in the order of ``options``."""

    options: tuple[str, ...]

    def read(self, text):
        """The words chosen."""
        chosen = text.split(",")
        if not set(chosen) <= set(self.options):
            raise ValueError(f"one or more of {', '.join(self.options)}, joined by commas")
        return tuple(option for option in self.options if option in chosen)

    def write(self, value):
        """The words joined by commas."""
        return ",".join(value)


@dataclass(frozen=True)
class LayerSizes:
    """Up to ``most`` whole numbers from 1 to ``largest``, joined by commas; may be empty."""

    most: int
    largest: int

    def read(self, text):
        """The numbers."""
        sizes = text.split(",") if text else []
        good = all(size.isdecimal() and 1 <= int(size) <= self.largest for size in sizes)
        if len(sizes) > self.most or not good:
            raise ValueError(
                f"up to {self.most} whole numbers from 1 to {self.largest}, joined by commas"
            )
        return tuple(map(int, sizes))

    def write(self, value):
        """The numbers joined by commas."""
        return ",".join(map(str, value))


@dataclass(frozen=True)
class Name:
    """Free text of at most ``longest`` characters."""

    longest: int = 200

    def read(self, text):
        """The text."""
        if len(text) > self.longest:
            raise ValueError(f"a name of at most {self.longest} characters")
        return text

    def write(self, value):
        """The text."""
        return value
