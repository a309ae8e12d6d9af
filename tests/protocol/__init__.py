"""The wire: vectors, round trips, hostile input, schemas. Files named *_shared.py run on MicroPython too."""
