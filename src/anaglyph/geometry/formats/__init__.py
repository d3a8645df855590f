"""One module for each format of 3D models; only the sandboxed child runs them on files from others."""
