"""What only the book uses: claims, figures and explorers. The wings do not know it."""

# The function takes the place of its module's name: `mixupbook.pages.laboratory(...)`.
from mixupbook.pages.laboratory import laboratory

__all__ = ["laboratory"]
