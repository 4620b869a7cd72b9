"""Recorded traffic: reading request logs, usage exports and public traces, and fitting a traffic shape to them."""
