"""What only the book uses: claims, figures and explorers. The wings do not know it."""
