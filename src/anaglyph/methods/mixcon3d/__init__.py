"""MixCon3D: shape, picture, text and shape with picture in one space."""
