"""The starter corpus: a bilingual lexicon, a grammar over it, and hand-made free sentences."""
