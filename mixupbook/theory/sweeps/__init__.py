"""Sweeps: thousands of networks over a grid of settings, on one machine or many."""
