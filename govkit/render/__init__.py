"""Evidence to documents and charts; nothing here computes a risk number."""
