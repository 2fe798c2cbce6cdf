"""Past weeks and the next days of the sample: made up by chance, the same for a seed and a day."""
