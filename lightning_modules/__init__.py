"""What is learned, and how is it judged: networks, metrics, one LightningModule a model."""
