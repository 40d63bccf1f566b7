"""The page on which reviewers judge doubtful label alignments."""
