"""How documents are stored, and corrected."""
