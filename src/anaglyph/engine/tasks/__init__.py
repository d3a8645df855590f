"""What a trained method is asked to do, by the kind of data it was trained on."""
