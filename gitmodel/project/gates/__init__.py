"""Gates: which rules hold, and how versions and promotions stand to them."""
