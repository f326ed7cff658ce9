"""Covers and vectors to understanding: arrays in, numbers and pictures out."""
