"""Formats that every part of texmill shares. A leaf: imports nothing of the project outside itself."""
