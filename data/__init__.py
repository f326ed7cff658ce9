"""What comes in: tracks, audio, covers, datasets on disk, splits and the synthetic world."""
