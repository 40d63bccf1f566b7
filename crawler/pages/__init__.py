"""Reading product pages: bytes in, one record out."""
