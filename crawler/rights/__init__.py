"""Usage signals: statements in robots.txt, headers, pages and licences about the use of a shop's content."""
