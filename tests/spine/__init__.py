"""Tests of the spine: what every service stands on."""
