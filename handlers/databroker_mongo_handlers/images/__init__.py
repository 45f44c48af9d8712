"""Images in files of their own: TIFF, JPEG, CBF, SPE, IMM, NumPy."""
