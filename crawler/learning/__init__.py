"""Teaching of the page reader: weights learned from pages whose markup says what is true."""
