"""Track to condition vector: features, attributes, encoders and the condition schema."""

from encoders.base import Encoder
from encoders.pca import PCAEncoder

ENCODERS: dict[str, type[Encoder]] = {PCAEncoder.name: PCAEncoder}
"""Every encoder there is, by name."""
