"""Sealed packets for the hours in which nothing answers: drawn in advance, entered afterwards."""
