"""The ground below every room: errors, records, table declarations, the stage contract, modalities, URLs, words."""
