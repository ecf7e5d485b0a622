"""Compiled leaves: arrays in, arrays out, no GIL, no policy."""
