"""What operators ask of a whole installation: is it configured right, what does it do now."""
