"""Track to condition vector: features, attributes, encoders and the condition schema."""
