"""The image, compose.yaml and the chart, run and checked for real."""
