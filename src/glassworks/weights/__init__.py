"""Weights on disk: safetensors in and out, and maps between our names and those of others."""
