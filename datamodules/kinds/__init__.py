"""What data sets hold, whatever files they come in: what a model asks for, and no data set by name."""
