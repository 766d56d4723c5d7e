"""Ordered, labelled, authenticated, encrypted messages."""
