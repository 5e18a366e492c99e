"""`python -m offline inspect`: what is in a corpus, as text and as a page with plots."""
